extension String.UnicodeScalarView {
    /// Appends scalar by scalar. `append(contentsOf:)` counts all that is there before each call, so that a text that is put
    /// together from many pieces would take quadratic time.
    mutating func add(_ scalars: some Sequence<Unicode.Scalar>) {
        for scalar in scalars { append(scalar) }
    }
}
