/// Every metric of the server. A metric that is not listed here is none: its handles and its help come from this list.
extension MetricDescription {
    package static let all: [MetricDescription] = [
        buildInfo, configGeneration, configReloadGood, configLastSuccess, configReloadFailures,
        stageCalls, stageRejections, stageErrors, stageTimeouts, stageDrops, stageChanges,
        stageDuration,
        browserConnections, browserFramesReceived, browserFramesSent, browserQueuedBytes, requestsInFlight,
        runsActive, runsEnded, runFirstText, runDuration,
        eventLoopLag,
        gatewayState, gatewayStateSince, gatewayAttempts, gatewayHandshake, gatewayInfo, gatewayReconnects,
        gatewayFrames, gatewayWaiting,
        storageWrite, storageBatch, storageWaiting, storageFailures,
        traceSpansExported, traceSpansDropped,
        webhookAttempts, webhookOpen, webhookDead, webhookAge, webhookPaused,
        seriesLeftOut,
    ]

    package static let buildInfo = MetricDescription(
        "sluice_build_info", .gauge, "Always 1; the label tells the version of the server.", labels: ["version"])

    // MARK: The configuration

    package static let configGeneration = MetricDescription(
        "sluice_config_generation", .gauge, "The number of the configuration in use; 1 is that of the start.")
    package static let configReloadGood = MetricDescription(
        "sluice_config_last_reload_successful", .gauge,
        "0 while the configuration could not be read again, and an older one is in use; else 1.")
    package static let configLastSuccess = MetricDescription(
        "sluice_config_last_success_timestamp_seconds", .gauge,
        "When the configuration was read the last time without an error, in seconds since 1970.")
    package static let configReloadFailures = MetricDescription(
        "sluice_config_reload_failures_total", .counter, "Reloads of the configuration that failed.")

    // MARK: Stages

    package static let stageCalls = MetricDescription(
        "sluice_stage_calls_total", .counter, "Messages, events and whole replies that the stage was called for.",
        labels: ["stage"])
    package static let stageRejections = MetricDescription(
        "sluice_stage_rejections_total", .counter, "Messages that the stage turned away.", labels: ["stage"])
    package static let stageErrors = MetricDescription(
        "sluice_stage_errors_total", .counter, "Calls in which the stage itself failed.", labels: ["stage"])
    package static let stageTimeouts = MetricDescription(
        "sluice_stage_timeouts_total", .counter, "Calls that took too long, as did the stage or what it waited for.",
        labels: ["stage"])
    package static let stageDrops = MetricDescription(
        "sluice_stage_drops_total", .counter, "Messages that the stage did not pass on, without a rejection.",
        labels: ["stage"])
    package static let stageChanges = MetricDescription(
        "sluice_stage_changes_total", .counter,
        "Messages, events and whole replies that the stage changed, or as a shadow would have changed.",
        labels: ["stage"])
    package static let stageDuration = MetricDescription(
        "sluice_stage_duration_seconds", shortTimes,
        "Time that calls spent in the stage itself, without the stages below it.", labels: ["stage"])

    // MARK: Browsers

    package static let browserConnections = MetricDescription(
        "sluice_browser_connections", .gauge, "Open WebSockets of browsers.")
    package static let browserFramesReceived = MetricDescription(
        "sluice_browser_frames_received_total", .counter, "Frames that browsers sent.")
    package static let browserFramesSent = MetricDescription(
        "sluice_browser_frames_sent_total", .counter, "Frames that were sent to browsers.")
    package static let browserQueuedBytes = MetricDescription(
        "sluice_browser_queued_bytes", .gauge, "Bytes that wait for browsers that read slowly, all together.")
    package static let requestsInFlight = MetricDescription(
        "sluice_requests_in_flight", .gauge, "Messages of browsers that are in the chain or wait for their turn.")

    // MARK: Runs

    package static let runsActive = MetricDescription("sluice_runs_active", .gauge, "Runs that have not ended.")
    package static let runsEnded = MetricDescription(
        "sluice_runs_ended_total", .counter, "Runs that ended: final, aborted or error.", labels: ["outcome"])
    package static let runFirstText = MetricDescription(
        "sluice_run_first_text_seconds", longTimes,
        "From the arrival of a message to the first text of its reply. Runs that browsers started.")
    package static let runDuration = MetricDescription(
        "sluice_run_duration_seconds", longTimes,
        "From the arrival of a message to the end of its run. Runs that browsers started.")

    // MARK: The process

    package static let eventLoopLag = MetricDescription(
        "sluice_event_loop_lag_seconds", shortTimes,
        "How late timers of the event loop fire that serves all sockets; one sample every half second.")

    // MARK: Gateways

    package static let gatewayState = MetricDescription(
        "sluice_gateway_state", .gauge, "1 for the state that the connection to the gateway is in, 0 for all others.",
        labels: ["gateway", "state"])
    package static let gatewayStateSince = MetricDescription(
        "sluice_gateway_state_since_seconds", .gauge, "When that state began, in seconds since 1970.",
        labels: ["gateway"])
    package static let gatewayAttempts = MetricDescription(
        "sluice_gateway_attempts", .gauge, "Attempts to connect that failed since the gateway was last connected.",
        labels: ["gateway"])
    package static let gatewayHandshake = MetricDescription(
        "sluice_gateway_handshake_seconds", .gauge,
        "Time that the gateway took to answer the last connect request that it accepted.", labels: ["gateway"])
    package static let gatewayInfo = MetricDescription(
        "sluice_gateway_info", .gauge,
        "Always 1; the labels tell what the gateway said of itself when it was last connected.",
        labels: ["gateway", "protocol", "version"])
    package static let gatewayReconnects = MetricDescription(
        "sluice_gateway_reconnects_total", .counter,
        "Times that the gateway was connected again after it had been lost.",
        labels: ["gateway"])
    package static let gatewayFrames = MetricDescription(
        "sluice_gateway_frames_received_total", .counter, "Frames that the gateway sent.", labels: ["gateway"])

    package static let gatewayWaiting = MetricDescription(
        "sluice_gateway_waiting_messages", .gauge, "Messages that wait for the gateway to be connected.",
        labels: ["gateway"])

    // MARK: The database

    package static let storageWrite = MetricDescription(
        "sluice_storage_write_seconds", shortTimes, "Time that a transaction of messages took, its commit included.")
    package static let storageBatch = MetricDescription(
        "sluice_storage_batch_messages", .histogram(bounds: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]),
        "Messages that shared a transaction.")
    package static let storageWaiting = MetricDescription(
        "sluice_storage_waiting_messages", .gauge, "Messages that wait for their transaction.")
    package static let storageFailures = MetricDescription(
        "sluice_storage_failures_total", .counter, "Transactions of messages that failed.")

    // MARK: Traces

    package static let traceSpansExported = MetricDescription(
        "sluice_trace_spans_exported_total", .counter, "Spans that the trace collector took.")
    package static let traceSpansDropped = MetricDescription(
        "sluice_trace_spans_dropped_total", .counter,
        "Spans that were dropped: the collector refused them, or too many waited for it.")

    // MARK: Webhooks

    package static let webhookAttempts = MetricDescription(
        "sluice_webhook_attempts_total", .counter,
        "Calls of webhook endpoints, by what came of them: delivered, failed (tried again), dead (given up).",
        labels: ["endpoint", "outcome"])
    package static let webhookOpen = MetricDescription(
        "sluice_webhook_open_deliveries", .gauge, "Deliveries that are neither done nor given up.",
        labels: ["endpoint"])
    package static let webhookDead = MetricDescription(
        "sluice_webhook_dead_deliveries", .gauge, "Deliveries that were given up and are still kept.",
        labels: ["endpoint"])
    package static let webhookAge = MetricDescription(
        "sluice_webhook_oldest_open_seconds", .gauge,
        "The age of the oldest event that is not delivered or given up; 0: there is none.",
        labels: ["endpoint"])
    package static let webhookPaused = MetricDescription(
        "sluice_webhook_paused", .gauge, "1 while the endpoint is left alone because it fails again and again.",
        labels: ["endpoint"])

    // MARK: The metrics themselves

    package static let seriesLeftOut = MetricDescription(
        "sluice_metrics_series_left_out_total", .counter,
        "Series that were not made because their metric had as many as it may have.")
}
