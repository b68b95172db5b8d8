using System.Globalization;
using System.Net;
using Ingest.Lookup.Diagnostics;
using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.Logging;

namespace Ingest.Lookup;

/// <summary>
/// Finds a device's document in Cosmos DB by a point read: one document, by id and partition key, which are both the device's id.
/// </summary>
/// <param name="container">The container; its partition key is <c>/id</c>.</param>
/// <param name="clock">Measures <see cref="Patience"/>.</param>
/// <param name="logger">Gets what an operator should do about failures.</param>
public sealed class DeviceLookup(Container container, TimeProvider clock, ILogger<DeviceLookup> logger)
{
    /// <summary>Longest wait for Cosmos DB, retries included; past it a lookup is unavailable. A caller waits for the answer, so it is short.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan SoonAgain = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan AfterRepair = TimeSpan.FromSeconds(60);

    /// <summary>Finds the document of <paramref name="deviceId"/>, which is checked first. Only the caller's own cancellation is thrown.</summary>
    public async Task<LookupResult> FindAsync(string? deviceId, CancellationToken cancellationToken)
    {
        if (!DeviceId.IsValid(deviceId))
        {
            return new LookupResult.InvalidId();
        }

        using var patience = new CancellationTokenSource(Patience, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, patience.Token);
        try
        {
            using var answer = await container.ReadItemStreamAsync(deviceId, new PartitionKey(deviceId), cancellationToken: either.Token);
            return answer.IsSuccessStatusCode
                ? await DeviceDocument.ReadAsync(answer.Content, deviceId!, either.Token)
                : Failed(answer.StatusCode, SubStatus(answer.Headers), RetryAfter(answer.Headers), exception: null);
        }
        catch (CosmosException exception) when (!cancellationToken.IsCancellationRequested)
        {
            return Failed(exception.StatusCode, exception.SubStatusCode, exception.RetryAfter, exception);
        }
        catch (Exception exception) when (exception is HttpRequestException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            LookupLog.Away(logger, exception.Message, exception);
            return new LookupResult.Unavailable("The device documents cannot be reached", SoonAgain);
        }
    }

    private LookupResult Failed(HttpStatusCode status, int subStatus, TimeSpan? retryAfter, CosmosException? exception)
    {
        var failure = CosmosFailure.Of(status, subStatus);
        switch (failure.Kind)
        {
            case CosmosFailureKind.NotFound:
                return new LookupResult.NotFound();
            case CosmosFailureKind.Throttled:
                LookupLog.Throttled(logger, failure.Advice);
                return new LookupResult.Unavailable("The device documents are asked for too often", AtLeastASecond(retryAfter));
            case CosmosFailureKind.Refused:
                LookupLog.Refused(logger, (int)status, subStatus, failure.Advice, exception);
                return new LookupResult.Unavailable("The device documents do not answer this application", AfterRepair);
            default:
                LookupLog.Away(logger, $"Cosmos DB answered {(int)status}/{subStatus}", exception);
                return new LookupResult.Unavailable("The device documents cannot be reached", SoonAgain);
        }
    }

    private static int SubStatus(Headers headers) =>
        int.TryParse(headers["x-ms-substatus"], NumberStyles.None, CultureInfo.InvariantCulture, out var subStatus) ? subStatus : 0;

    private static TimeSpan? RetryAfter(Headers headers) =>
        double.TryParse(headers["x-ms-retry-after-ms"], NumberStyles.Float, CultureInfo.InvariantCulture, out var milliseconds) && double.IsFinite(milliseconds)
            ? TimeSpan.FromMilliseconds(milliseconds)
            : null;

    private static TimeSpan AtLeastASecond(TimeSpan? wait) =>
        wait is { } asked && asked > TimeSpan.FromSeconds(1) ? asked : TimeSpan.FromSeconds(1);
}
