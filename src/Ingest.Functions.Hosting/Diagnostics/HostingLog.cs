using Microsoft.Extensions.Logging;

namespace Ingest.Functions.Hosting.Diagnostics;

/// <summary>The Function app's own log messages. Ids are stable: 7000–7999.</summary>
internal static partial class HostingLog
{
    [LoggerMessage(7001, LogLevel.Warning, "{What} answers 503 (invocation {Invocation}): {Reason}")]
    public static partial void CallUnavailable(ILogger logger, string what, string invocation, string reason);

    [LoggerMessage(7002, LogLevel.Error, "{What} failed and answers 500 (invocation {Invocation}).")]
    public static partial void CallFailed(ILogger logger, string what, string invocation, Exception exception);
}
