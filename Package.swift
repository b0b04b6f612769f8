// swift-tools-version:6.2
import PackageDescription

/// The settings of every Swift target of this package, in one place.
let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let metrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")
let tracing: Target.Dependency = .product(name: "Tracing", package: "swift-distributed-tracing")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
]

let package = Package(
    name: "sluice",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "sluice", targets: ["sluice"]),
        .library(name: "MiddlewareKit", targets: ["MiddlewareKit"]),
        .library(name: "MiddlewareTesting", targets: ["MiddlewareTesting"]),
        .library(name: "OpenClawTesting", targets: ["OpenClawTesting"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.0"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.19.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0", traits: []),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
    ],
    targets: [
        .executableTarget(name: "KitBuildTool"),
        .plugin(name: "KitBuild", capability: .buildTool(), dependencies: ["KitBuildTool"], path: "Sources/KitBuild"),
        .target(name: "MiddlewareKit", dependencies: [log], plugins: ["KitBuild"]),
        .target(name: "Files"),
        .target(name: "Telemetry", dependencies: [metrics]),
        .target(name: "PipelineEngine", dependencies: ["MiddlewareKit", "Telemetry", log, metrics, tracing]),
        .target(
            name: "Traces",
            dependencies: nio + [
                "JSON", "MiddlewareKit", "Telemetry", "TLSWords", lifecycle, log, metrics, tracing,
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]
        ),
        .target(
            name: "Analytics",
            dependencies: ["MiddlewareKit", log, .product(name: "Histogram", package: "hdrhistogram-swift")]
        ),
        .target(
            name: "Stages",
            dependencies: [
                "Analytics", "Files", "JSON", "MiddlewareKit", "Webhooks", crypto, log,
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Mustache", package: "swift-mustache"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]
        ),
        .target(
            name: "Webhooks",
            dependencies: [
                "JSON", "MiddlewareKit", "Telemetry", crypto, log, metrics,
                .product(name: "Mustache", package: "swift-mustache"), .product(name: "NIOCore", package: "swift-nio"),
            ]
        ),
        .target(
            name: "Storage",
            dependencies: [
                "Analytics", "Files", "JSON", "MiddlewareKit", "Telemetry", crypto, metrics,
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
                .product(name: "NIOCore", package: "swift-nio"),
            ]
        ),
        .target(
            name: "Settings",
            dependencies: ["Files", "JSON", "MiddlewareKit", .product(name: "Yams", package: "Yams")]
        ),
        .target(
            name: "PluginLibraries",
            dependencies: ["Files", "JSON", "MiddlewareKit", "PluginSources", "Settings", crypto]
        ),
        .target(name: "TLSWords", dependencies: [.product(name: "NIOSSL", package: "swift-nio-ssl")]),
        .target(
            name: "WebSocketTransport",
            dependencies: nio + [
                "Files", "TLSWords", crypto,
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]
        ),
        .target(
            name: "OutboundHTTP",
            dependencies: nio + [
                "MiddlewareKit", "TLSWords",
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]
        ),
        .target(
            name: "CSimdjson",
            cxxSettings: [.define("NDEBUG")],
            linkerSettings: [.linkedLibrary("simdjson")]
        ),
        .target(name: "JSON", dependencies: ["CSimdjson", .product(name: "NIOCore", package: "swift-nio")]),
        .target(
            name: "OpenClaw",
            dependencies: [
                "CSimdjson", "Files", "JSON", "MiddlewareKit", "WebSocketTransport", crypto, log,
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "NIOCore", package: "swift-nio"),
            ]
        ),
        .target(
            name: "BrowserEndpoint",
            dependencies: nio + [
                "Analytics", "Console", "JSON", "MiddlewareKit", "OpenClaw", "PipelineEngine", "Settings", "Storage",
                "Telemetry", "WebSocketTransport", "Webhooks", crypto, lifecycle, log, metrics, tracing,
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
            ],
            resources: [.embedInCode("Resources/openapi.json")]
        ),
        .target(name: "PluginSources"),
        .executableTarget(name: "PluginCatalogTool", dependencies: ["PluginSources"]),
        .plugin(
            name: "PluginCatalog", capability: .buildTool(), dependencies: ["PluginCatalogTool"],
            path: "Sources/PluginCatalog"
        ),
        .target(name: "Plugins", dependencies: ["MiddlewareKit", log], path: "Plugins", plugins: ["PluginCatalog"]),
        .target(name: "Console", resources: [.embedInCode("index.html")]),
        .target(
            name: "SluiceServer",
            dependencies: nio + [
                "Analytics", "BrowserEndpoint", "Files", "JSON", "MiddlewareKit", "MiddlewareTesting", "OpenClaw",
                "OpenClawTesting",
                "OutboundHTTP", "PipelineEngine",
                "Plugins",
                "Settings",
                "Stages", "Storage", "Telemetry", "Traces", "WebSocketTransport", "Webhooks", log, lifecycle, metrics,
                tracing,
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Hummingbird", package: "hummingbird"),
            ]
        ),
        .executableTarget(
            name: "sluice",
            dependencies: [
                "BrowserEndpoint", "Files", "JSON", "MiddlewareKit", "MiddlewareTesting", "OpenClaw",
                "OpenClawTesting", "PluginLibraries", "Settings", "SluiceServer", "Stages", "Storage", "Webhooks", log,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            // Loaded libraries find MiddlewareKit in the server itself: a copy of their own would be another kit.
            linkerSettings: [
                .unsafeFlags(["-Xlinker", "-export-dynamic"], .when(platforms: [.linux])),
                .unsafeFlags(["-Xlinker", "-export_dynamic"], .when(platforms: [.macOS])),
            ]
        ),
        .executableTarget(
            name: "StageBenchmarks", dependencies: ["MiddlewareKit", "PipelineEngine", "Stages", log],
            path: "Benchmarks/StageBenchmarks"
        ),
        .executableTarget(
            name: "AnalyticsBenchmarks", dependencies: ["Analytics", "MiddlewareKit", "Storage"],
            path: "Benchmarks/AnalyticsBenchmarks"
        ),
        .executableTarget(
            name: "GatewaySoak", dependencies: nio + ["JSON", "OpenClawTesting", "WebSocketTransport", log],
            path: "Benchmarks/GatewaySoak"
        ),
        .target(name: "MiddlewareTesting", dependencies: ["MiddlewareKit", log]),
        .target(
            name: "OpenClawTesting",
            dependencies: nio + ["JSON", "WebSocketTransport", crypto, log]
        ),
        .testTarget(name: "FilesTests", dependencies: ["Files"]),
        .testTarget(name: "JSONTests", dependencies: ["JSON", .product(name: "NIOCore", package: "swift-nio")]),
        .testTarget(name: "AnalyticsTests", dependencies: ["Analytics", "MiddlewareKit", "MiddlewareTesting"]),
        .testTarget(
            name: "TracesTests",
            dependencies: nio + [
                "JSON", "MiddlewareKit", "MiddlewareTesting", "Traces", log, tracing,
                .product(name: "InMemoryLogging", package: "swift-log"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]
        ),
        .testTarget(name: "TelemetryTests", dependencies: ["Telemetry", metrics]),
        .testTarget(name: "MiddlewareKitTests", dependencies: ["MiddlewareKit", "MiddlewareTesting", log]),
        .testTarget(
            name: "PipelineEngineTests", dependencies: ["MiddlewareKit", "MiddlewareTesting", "PipelineEngine", log]
        ),
        .testTarget(
            name: "StagesTests",
            dependencies: [
                "Analytics", "JSON", "MiddlewareKit", "MiddlewareTesting", "Stages", "Storage", "Webhooks", crypto, log,
                .product(name: "InMemoryLogging", package: "swift-log"),
            ]),
        .testTarget(name: "MiddlewareTestingTests", dependencies: ["MiddlewareKit", "MiddlewareTesting"]),
        .testTarget(
            name: "PluginsTests",
            dependencies: [
                "MiddlewareKit", "MiddlewareTesting", "Plugins", "PluginSources", "Settings", "SluiceServer",
            ]),
        .testTarget(
            name: "SettingsTests", dependencies: ["Files", "JSON", "MiddlewareKit", "Settings", "Stages"],
            exclude: ["Broken"]),
        .testTarget(name: "PluginLibrariesTests", dependencies: ["PluginLibraries", "Settings"]),
        .testTarget(
            name: "StorageTests",
            dependencies: [
                "Analytics", "JSON", "MiddlewareKit", "MiddlewareTesting", "Storage", crypto,
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "NIOCore", package: "swift-nio"),
            ]
        ),
        .testTarget(
            name: "WebSocketTransportTests",
            dependencies: nio + [
                "TestCertificates", "WebSocketTransport", crypto,
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "X509", package: "swift-certificates"),
            ]
        ),
        .target(
            name: "TestCertificates",
            dependencies: [
                crypto, .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "X509", package: "swift-certificates"),
            ],
            path: "Tests/TestCertificates"
        ),
        .testTarget(
            name: "WebhooksTests",
            dependencies: [
                "JSON", "MiddlewareKit", "MiddlewareTesting", "Storage", "Webhooks", log,
                .product(name: "GRDB", package: "GRDB.swift"),
            ]
        ),
        .testTarget(
            name: "OutboundHTTPTests",
            dependencies: nio + [
                "MiddlewareKit", "OutboundHTTP", "OutboundHTTPTesting",
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]
        ),
        .target(
            name: "OutboundHTTPTesting", dependencies: nio + [.product(name: "NIOSSL", package: "swift-nio-ssl")],
            path: "Tests/OutboundHTTPTesting"
        ),
        .testTarget(
            name: "OpenClawTests",
            dependencies: nio + [
                "JSON", "MiddlewareKit", "MiddlewareTesting", "OpenClaw", "OpenClawTesting", "WebSocketTransport",
                crypto,
                log,
            ],
            resources: [.copy("Fixtures")]
        ),
        .testTarget(
            name: "OpenClawTestingTests",
            dependencies: nio + [
                "JSON", "MiddlewareTesting", "OpenClawTesting", "WebSocketTransport", crypto,
            ]
        ),
        .testTarget(
            name: "BrowserEndpointTests",
            dependencies: nio + [
                "Analytics", "BrowserEndpoint", "JSON", "MiddlewareKit", "MiddlewareTesting", "Webhooks", "OpenClaw",
                "OpenClawTesting",
                "PipelineEngine", "Stages", "Storage", "TestCertificates", "WebSocketTransport", lifecycle, log,
                tracing,
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "InMemoryLogging", package: "swift-log"),
                .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]
        ),
        .testTarget(
            name: "SluiceServerTests",
            dependencies: [
                "JSON", "MiddlewareKit", "MiddlewareTesting", "OpenClaw", "PipelineEngine", "Settings",
                "SluiceServer", "Stages", "Storage", "TestCertificates", lifecycle, log,
                .product(name: "InMemoryLogging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ]
        ),
        .testTarget(
            name: "EndToEndTests",
            dependencies: nio + [
                "JSON", "MiddlewareKit", "OpenClawTesting", "Storage", "TestCertificates", "WebSocketTransport",
                "sluice",
            ]
        ),
    ],
    cxxLanguageStandard: .cxx17
)

for target in package.targets where ![.plugin, .system, .binary].contains(target.type) && target.name != "CSimdjson" {
    target.swiftSettings = (target.swiftSettings ?? []) + swiftSettings
}
