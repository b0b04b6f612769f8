import JSON
import OpenClaw

extension GatewayMetadata.Agent {
    var json: JSONValue { ["id": .string(id), "name": .string(name)] }
}

extension GatewayMetadata.Model {
    var json: JSONValue {
        var object: JSONObject = ["id": .string(id), "name": .string(name), "provider": .string(provider)]
        object["contextWindow"] = contextWindow.map { .integer(Int64($0)) }
        return .object(object)
    }
}
