using System.Globalization;
using System.Net;
using Azure.Identity;
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
    /// <summary>
    /// Longest wait for Cosmos DB, with its retries and with the identity's token; past it a lookup is unavailable. A caller waits for the
    /// answer, so it is short.
    /// </summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan SoonAgain = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan AfterRepair = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Finds the document of <paramref name="deviceId"/>, which is checked first. Only the caller's own cancellation is thrown.
    /// </summary>
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
            using var answer = await ReadAsync(deviceId!, either.Token);
            return answer.IsSuccessStatusCode
                ? await DeviceDocument.ReadAsync(answer.Content, deviceId!, either.Token)
                : Failed(answer.StatusCode, SubStatus(answer.Headers), RetryAfter(answer.Headers));
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested && LoginFailure(exception) is { } login)
        {
            LookupLog.NoToken(logger, login.Message);
            return new LookupResult.Unavailable("The device documents cannot be reached", SoonAgain);
        }
        catch (CosmosException exception) when (!cancellationToken.IsCancellationRequested)
        {
            return Failed(exception.StatusCode, exception.SubStatusCode, exception.RetryAfter);
        }
        catch (Exception exception) when (
            exception is HttpRequestException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            LookupLog.Away(
                logger, patience.IsCancellationRequested ? $"no answer within {Patience.TotalSeconds} s" : Line(exception.Message));
            return new LookupResult.Unavailable("The device documents cannot be reached", SoonAgain);
        }
    }

    // The SDK waits for a token, and for the account at the first call, whatever its caller's patience.
    private async Task<ResponseMessage> ReadAsync(string deviceId, CancellationToken cancellationToken)
    {
        var reading = container.ReadItemStreamAsync(deviceId, new PartitionKey(deviceId), cancellationToken: cancellationToken);
        try
        {
            return await reading.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (!reading.IsCompleted)
        {
            _ = reading.ContinueWith(
                late => late.Result.Dispose(),
                CancellationToken.None,
                TaskContinuationOptions.OnlyOnRanToCompletion,
                TaskScheduler.Default);
            throw;
        }
    }

    private LookupResult Failed(HttpStatusCode status, int subStatus, TimeSpan? retryAfter)
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
                LookupLog.Refused(logger, (int)status, subStatus, failure.Advice);
                return new LookupResult.Unavailable("The device documents do not answer this application", AfterRepair);
            default:
                LookupLog.Away(logger, $"Cosmos DB answered {(int)status}/{subStatus}");
                return new LookupResult.Unavailable("The device documents cannot be reached", SoonAgain);
        }
    }

    // The SDK wraps it in an exception that speaks of the account's answer.
    private static AuthenticationFailedException? LoginFailure(Exception? exception) => exception switch
    {
        null => null,
        AuthenticationFailedException login => login,
        _ => LoginFailure(exception.InnerException),
    };

    private static string Line(string text) => text.Split('\r', '\n')[0];

    private static int SubStatus(Headers headers) =>
        int.TryParse(headers["x-ms-substatus"], NumberStyles.None, CultureInfo.InvariantCulture, out var subStatus) ? subStatus : 0;

    private static TimeSpan? RetryAfter(Headers headers) =>
        double.TryParse(headers["x-ms-retry-after-ms"], NumberStyles.Float, CultureInfo.InvariantCulture, out var milliseconds)
            && double.IsFinite(milliseconds)
            ? TimeSpan.FromMilliseconds(milliseconds)
            : null;

    private static TimeSpan AtLeastASecond(TimeSpan? wait) =>
        wait is { } asked && asked > TimeSpan.FromSeconds(1) ? asked : TimeSpan.FromSeconds(1);
}
