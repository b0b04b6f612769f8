package import JSON
package import MiddlewareKit

/// The JSON Schema (2020-12) of config.yaml, made from the declarations of the options: editors complete and check by it.
///
/// It is a little more lenient than `sluice check`: what depends on two places of the file cannot be said in a schema.
package enum ConfigSchema {
    package static func document(catalog: [any MiddlewarePlugin.Type]) -> JSONValue {
        var document: JSONObject = [
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "The configuration of Sluice",
        ]
        for (key, value) in mapping(Settings.descriptions).object ?? [:] { document[key] = value }
        // Every list of stages has entries of the same type.
        let options = StageEntry.descriptions
        // Where the file names no stages, no libraries and no other file that may, `use` can only be a kind that is known here.
        let kind: JSONValue = ["$ref": "#/$defs/kind"]
        document["if"] = [
            "anyOf": [["required": ["stages"]], ["required": ["include"]], ["required": ["plugins"]]]
        ]
        document["else"] = [
            "properties": [
                "pipeline": ["items": kind],
                "chains": [
                    "additionalProperties": [
                        "properties": [
                            "stages": ["items": kind],
                            "insert": ["items": ["properties": ["stages": ["items": kind]]]],
                        ]
                    ]
                ],
            ]
        ]
        document["$defs"] = [
            "kind": ["properties": ["use": ["anyOf": .array(kinds(of: catalog))]]],
            "variable": [
                "type": "string", "pattern": #"\$\{[^}]+\}"#,
                "description": "${NAME}, ${NAME:-default} or ${file:PATH}",
            ],
            "stage": stage(options, catalog),
        ]
        return .object(document)
    }

    /// A stage entry, whose `with` depends on the kind behind `use`.
    private static func stage(
        _ options: [OptionDescription], _ catalog: [any MiddlewarePlugin.Type]
    ) -> JSONValue {
        var schema = mapping(options).object ?? [:]
        var properties = schema["properties"]?.object ?? [:]
        let name: JSONValue = [
            "type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$",
            "description": "The name of an entry of `stages`.",
        ]
        properties["use"] = [
            "description": "The kind of the stage, or the name of one of `stages`.",
            "anyOf": .array(kinds(of: catalog) + [name]),
        ]
        schema["properties"] = .object(properties)
        schema["allOf"] = .array(catalog.map { with(of: $0) })
        return .object(schema)
    }

    private static func kinds(of catalog: [any MiddlewarePlugin.Type]) -> [JSONValue] {
        let kinds = catalog.map { plugin -> JSONValue in
            ["const": .string(plugin.kind), "description": .string(plugin.summary)]
        }
        return kinds + [["$ref": "#/$defs/variable"]]
    }

    private static func with(of plugin: any MiddlewarePlugin.Type) -> JSONValue {
        var with = mapping(plugin.optionDescriptions).object ?? [:]
        with["type"] = ["object", "null"]
        with["description"] = .string("The options of `\(plugin.kind)`. \(plugin.summary)")
        var then: JSONObject = ["properties": ["with": .object(with)]]
        if plugin.optionDescriptions.contains(where: \.isRequired) { then["required"] = ["with"] }
        return [
            "if": ["properties": ["use": ["const": .string(plugin.kind)]], "required": ["use"]],
            "then": .object(then),
        ]
    }

    private static func mapping(_ options: [OptionDescription]) -> JSONValue {
        var properties = JSONObject()
        for option in options { properties[option.key] = property(option) }
        var schema: JSONObject = [
            "type": "object", "additionalProperties": false, "properties": .object(properties),
        ]
        let required = options.filter(\.isRequired).map { JSONValue.string($0.key) }
        if !required.isEmpty { schema["required"] = .array(required) }
        return .object(schema)
    }

    private static func property(_ option: OptionDescription) -> JSONValue {
        var words = option.help
        if let range = option.rangeText { words += " From \(range)." }
        if let standard = option.defaultText { words += " Default: \(standard)" }
        var schema: JSONObject = ["description": .string(words)]
        for (key, value) in self.schema(of: option.type, range: option.range) { schema[key] = value }
        if let example = option.example { schema["examples"] = [.string(example)] }
        return .object(schema)
    }

    /// What a value of a type may be. Nothing at all (`null`) keeps the default, and a variable may stand for any single
    /// value.
    private static func schema(of type: OptionType, range: OptionRange? = nil) -> JSONObject {
        switch type {
        case .string, .secret: ["type": ["string", "number", "boolean", "null"]]
        case .boolean: orVariable(["type": ["boolean", "null"]])
        case .integer, .number:
            orVariable(number(type == .integer ? "integer" : "number", range))
        case .duration: orVariable(["type": ["string", "null"], "pattern": "^[0-9]{1,18}(ms|s|m|h|d)$"])
        case .size: orVariable(["type": ["string", "null"], "pattern": "^[0-9]{1,18}(B|KiB|MiB|GiB)$"])
        case .choice(let words): orVariable(["enum": .array(words.map { .string($0) } + [.null])])
        case .list(let element):
            ["type": ["array", "null"], "items": .object(schema(of: element))]
        case .oneOrList(let element):
            ["anyOf": [.object(schema(of: element)), .object(schema(of: .list(of: element)))]]
        case .dictionary(let element):
            ["type": ["object", "null"], "additionalProperties": .object(schema(of: element))]
        case .group(name: "StageEntry", _): ["$ref": "#/$defs/stage"]
        case .group(_, let options): group(options)
        }
    }

    private static func group(_ options: [OptionDescription]) -> JSONObject {
        // Somebody else knows the keys.
        guard !options.isEmpty else { return ["type": ["object", "null"]] }
        var schema = mapping(options).object ?? [:]
        schema["type"] = ["object", "null"]
        return schema
    }

    private static func number(_ word: String, _ range: OptionRange?) -> JSONObject {
        var schema: JSONObject = ["type": [.string(word), "null"]]
        if let range, let lowest = Double(range.lowest), let highest = Double(range.highest) {
            schema["minimum"] = Int64(exactly: lowest).map { .integer($0) } ?? .number(lowest)
            schema["maximum"] = Int64(exactly: highest).map { .integer($0) } ?? .number(highest)
        }
        return schema
    }

    private static func orVariable(_ schema: JSONObject) -> JSONObject {
        ["anyOf": [.object(schema), ["$ref": "#/$defs/variable"]]]
    }
}

extension MiddlewarePlugin {
    package static var optionDescriptions: [OptionDescription] { Options.descriptions }
}
