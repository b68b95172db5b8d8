using Amqp;
using Amqp.Framing;
using Amqp.Types;
using Ingest.LocalHub;

namespace Ingest.TestSupport.Faults;

/// <summary>A stranger who reads every partition of a hub with an epoch far above the worker's.</summary>
internal static class HubThief
{
    private const long Epoch = 1_000_000;

    /// <summary>Takes all partitions, holds them until <paramref name="held"/> has ended, and lets go.</summary>
    public static async Task StealAsync(LocalEventHub hub, Func<Task> held)
    {
        var factory = new ConnectionFactory();
        factory.SASL.Profile = Amqp.Sasl.SaslProfile.Anonymous;
        var connection = await factory.CreateAsync(new Address($"amqp://127.0.0.1:{hub.Port}"));
        var session = new Session(connection);
        foreach (var partition in hub.Partitions)
        {
            _ = new ReceiverLink(
                session,
                $"thief-{partition.Id}",
                new Attach
                {
                    Source = new Source { Address = $"telemetry/ConsumerGroups/$Default/Partitions/{partition.Id}" },
                    Target = new Target(),
                    Properties = new Fields { [new Symbol("com.microsoft:epoch")] = Epoch },
                },
                null);
        }

        await held();
        await connection.CloseAsync();
    }
}
