/// The buckets of one limit, at most `capacity` of them whatever the number of keys. Each call takes the same time, however
/// many there are.
///
/// A new key takes the place of a bucket that is full again, since forgetting a full bucket changes nothing; so there are
/// about as many buckets as keys that were used lately. Only when there is no more room must one go that is not full: of a
/// few, the one that is full soonest. Who sends under many keys drives out those keys, and not a bucket that was emptied.
struct BucketTable<Key: Hashable & Sendable>: Sendable {
    private struct Slot {
        var key: Key
        var bucket: TokenBucket
    }

    /// How many slots are looked at for one to give to a new key.
    private static var sampleSize: Int { 8 }

    private let capacity: Int
    private var slots: [Slot] = []
    private var places: [Key: Int] = [:]
    /// Where the next look for a slot begins; it goes round.
    private var hand = 0

    init(capacity: Int) { self.capacity = max(1, capacity) }

    var count: Int { slots.count }

    /// The bucket of a key; a full one when it is not in the table.
    func bucket(for key: Key, at now: Duration) -> TokenBucket {
        places[key].map { slots[$0].bucket } ?? TokenBucket(fullAt: now)
    }

    mutating func set(_ bucket: TokenBucket, for key: Key, at now: Duration) {
        if let place = places[key] {
            slots[place].bucket = bucket
            return
        }
        let slot = Slot(key: key, bucket: bucket)
        if let place = placeToGiveAway(at: now) {
            places[slots[place].key] = nil
            places[key] = place
            slots[place] = slot
        } else {
            places[key] = slots.count
            slots.append(slot)
        }
    }

    /// Nil: no bucket nearby is full, and there is room for another.
    private mutating func placeToGiveAway(at now: Duration) -> Int? {
        guard !slots.isEmpty else { return nil }
        let size = min(Self.sampleSize, slots.count)
        var soonest = hand
        for offset in 0..<size {
            let place = (hand + offset) % slots.count
            if slots[place].bucket.fullAt < slots[soonest].bucket.fullAt { soonest = place }
        }
        hand = (hand + size) % slots.count
        guard slots[soonest].bucket.fullAt <= now || slots.count >= capacity else { return nil }
        return soonest
    }
}
