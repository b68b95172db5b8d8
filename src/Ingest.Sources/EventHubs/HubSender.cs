using Azure.Messaging.EventHubs;
using Azure.Messaging.EventHubs.Producer;
using Ingest.Sources.Diagnostics;
using Polly;

namespace Ingest.Sources.EventHubs;

/// <summary>
/// Sends messages to an event hub, at least once each: a call returns when the hub has accepted all its messages. Where the hub gives no
/// credit, it waits. Safe for many threads; the order is kept within a call.
/// </summary>
public sealed class HubSender : IAsyncDisposable
{
    private readonly HubClient _client;
    private readonly EventHubProducerClient _producer;
    private readonly ResiliencePipeline _retry;

    /// <param name="client">The hub; disposed by whoever made it.</param>
    public HubSender(HubClient client)
    {
        ArgumentNullException.ThrowIfNull(client);
        _client = client;

        // The library's own retries would hide that a message was sent twice.
        _producer = new EventHubProducerClient(client.Connection, new EventHubProducerClientOptions { RetryOptions = client.Endpoint.Retry(0) });
        _retry = PatientRetry.ForSending(
            TimeSpan.FromSeconds(client.Settings.MaxRetryDelaySeconds),
            client.Time,
            (exception, delay) => SourcesLog.SendingAgain(client.Logger, client.Hub, exception.Message, delay));
    }

    /// <summary>Sends messages in as few batches as their size allows.</summary>
    /// <param name="messages">The messages. Annotations that IoT Hub would add stand in their <c>GetRawAmqpMessage().MessageAnnotations</c>.</param>
    /// <param name="target">Which partition takes them.</param>
    /// <param name="cancellationToken">Gives up; what was sent stays sent.</param>
    /// <exception cref="HubException">The hub refuses them for good: a message is too large, or the right to send is missing.</exception>
    public async Task<SendResult> SendAsync(IReadOnlyList<EventData> messages, SendTarget target, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var resent = 0;
        var options = new CreateBatchOptions { PartitionId = target.PartitionId, PartitionKey = target.PartitionKey };
        for (var next = 0; next < messages.Count;)
        {
            using var batch = await _retry.ExecuteAsync(
                async token => await _client.SortedAsync(() => _producer.CreateBatchAsync(options, token).AsTask(), token), cancellationToken);
            while (next < messages.Count && batch.TryAdd(messages[next]))
            {
                next++;
            }

            if (batch.Count == 0)
            {
                throw new HubException(
                    HubFailure.Misconfigured,
                    $"{_client.Endpoint.Address} takes messages of at most {batch.MaximumSizeInBytes} bytes, and message {next} is larger. Send smaller messages, or choose a tier of the hub that takes them.");
            }

            var attempts = 0;
            await _retry.ExecuteAsync(
                async token =>
                {
                    attempts++;
                    await _client.SortedAsync(() => SendAsync(batch, token), token);
                },
                cancellationToken);
            resent += attempts > 1 ? batch.Count : 0;
            SourcesMetrics.Sent(_client.Hub, batch.Count);
        }

        return new SendResult(messages.Count, resent);
    }

    /// <summary>Closes its links.</summary>
    public async ValueTask DisposeAsync() => await _producer.DisposeAsync();

    private async Task<bool> SendAsync(EventDataBatch batch, CancellationToken cancellationToken)
    {
        await _producer.SendAsync(batch, cancellationToken);
        return true;
    }
}
