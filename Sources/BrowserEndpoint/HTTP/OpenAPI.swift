/// The description of the HTTP interface, compiled in from `Resources/openapi.json`.
enum OpenAPI {
    static let document: [UInt8] = PackageResources.openapi_json
}
