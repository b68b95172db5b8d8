using Microsoft.Extensions.Logging;

namespace Ingest.Lookup.Diagnostics;

/// <summary>The lookup's log messages, one line each: a stack trace a call would tell no more. Ids are stable: 6000–6999.</summary>
internal static partial class LookupLog
{
    [LoggerMessage(6001, LogLevel.Warning, "Cosmos DB throttles the device lookup. {Advice}")]
    public static partial void Throttled(ILogger logger, string advice);

    [LoggerMessage(6002, LogLevel.Error, "Cosmos DB answers {Status}/{SubStatus} to the device lookup. {Advice}")]
    public static partial void Refused(ILogger logger, int status, int subStatus, string advice);

    [LoggerMessage(6003, LogLevel.Warning, "Cosmos DB cannot be reached for the device lookup: {Reason}")]
    public static partial void Away(ILogger logger, string reason);

    [LoggerMessage(6004, LogLevel.Error, "The device lookup cannot log in to Cosmos DB. {Advice}")]
    public static partial void NoToken(ILogger logger, string advice);
}
