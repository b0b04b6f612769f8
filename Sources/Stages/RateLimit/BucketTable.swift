/// The buckets of one limit, at most `capacity` of them whatever the number of keys.
///
/// Two generations: a key that is used lives in the young one; when that is full it becomes the old one, and what was old is
/// forgotten. So the keys that were used last are kept, at a constant cost for each message.
struct BucketTable<Key: Hashable & Sendable>: Sendable {
    private var young: [Key: TokenBucket] = [:]
    private var old: [Key: TokenBucket] = [:]
    private let generationSize: Int

    init(capacity: Int) { generationSize = max(1, capacity / 2) }

    var count: Int { young.count + old.count }

    subscript(key: Key) -> TokenBucket {
        young[key] ?? old[key] ?? TokenBucket()
    }

    mutating func set(_ bucket: TokenBucket, for key: Key) {
        if young[key] == nil {
            if young.count >= generationSize {
                old = young
                young = [:]
            }
            old[key] = nil
        }
        young[key] = bucket
    }
}
