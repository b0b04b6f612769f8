package import MiddlewareKit

/// A config.yaml with every option at its default, each with a word on what it does.
package enum DefaultFile {
    package static func text(catalog: [any MiddlewarePlugin.Type]) -> String {
        var text = """
            # yaml-language-server: $schema=./config.schema.json
            # Every option with its default. What is commented out has none.

            """
        for section in Settings.descriptions { text += "\n" + lines(of: section, indentation: 0) }
        text += "\n# The kinds of stage, and their own options below `with`:\n"
        for plugin in catalog {
            text += "#\n# \(plugin.kind): \(plugin.summary)\n"
            for option in plugin.optionDescriptions {
                text += "#   \(option.key): \(value(of: option))  # \(option.help)\n"
            }
        }
        return text
    }

    private static func lines(of option: OptionDescription, indentation: Int) -> String {
        let margin = String(repeating: " ", count: indentation)
        var text = "\(margin)# \(option.help)\n"
        if case .group(_, let options) = option.type, !options.isEmpty, option.defaultText != nil {
            text += "\(margin)\(option.key):\n"
            for inner in options { text += lines(of: inner, indentation: indentation + 2) }
        } else if let standard = option.defaultText {
            text += "\(margin)\(option.key): \(standard)\n"
        } else {
            text += "\(margin)# \(option.key): \(value(of: option))\n"
        }
        return text
    }

    private static func value(of option: OptionDescription) -> String {
        option.defaultText ?? option.example ?? "…"
    }
}
