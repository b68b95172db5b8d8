using System.Globalization;
using System.Text;
using Ingest.Diagnostics;
using Ingest.Events;
using Ingest.IntegrationTests.EventHubs.Support;
using Ingest.LocalHub;
using Ingest.Sources.EventHubs;
using Ingest.TestSupport.Poison;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Ingest.IntegrationTests.EventHubs;

/// <summary>Each message that clients fall over stands between two good ones, in a partition of its own.</summary>
public sealed class UndecodableTests
{
    private const string Group = "replay";
    private const int Poison = 1;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_replay_passes_every_kind_of_message_and_loses_nothing() => await ReplayAsync(AmqpPoison.Kinds);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_replay_passes_damaged_messages_and_loses_nothing(int seed) =>
        await ReplayAsync([.. AmqpPoison.Mutations(seed, 150)]);

    [Fact]
    public async Task A_worker_passes_every_kind_of_message_and_loses_nothing() => await WorkAsync(AmqpPoison.Kinds);

    [Fact]
    public async Task A_worker_passes_damaged_messages_and_loses_nothing() => await WorkAsync([.. AmqpPoison.Mutations(seed: 3, 60)]);

    [Fact]
    public async Task Read_alone_as_bytes_a_message_is_what_the_client_makes_of_it()
    {
        await using var hub = await HubOf(AmqpPoison.Kinds);
        await using var client = Client(hub);
        var replayed = new Received();
        await Replay(client, replayed).RunAsync(new ReplayRange(DateTime.MinValue), null, null, Cancel);

        for (var kind = 0; kind < AmqpPoison.Kinds.Count; kind++)
        {
            var partition = Partition(kind);
            var stepped = await SteppedAsync(client, partition);
            Assert.Equal(replayed.Of(partition).Select(Text), stepped.Select(Text));
        }
    }

    [Fact]
    public async Task A_message_that_would_exhaust_the_stack_is_told_by_its_bytes()
    {
        await using var hub = await HubOf([AmqpPoison.Deadly]);
        await using var client = Client(hub);

        var stepped = await SteppedAsync(client, "0").WaitAsync(Patience, Cancel);

        Assert.Equal([0, 1, 2], stepped.Select(message => message.SequenceNumber));
        AssertUndecodable(hub, AmqpPoison.Deadly.Message, stepped[Poison]);
    }

    // Read by the client first: the stacks of threads must be as large as Directory.Build.props makes them.
    [Fact]
    public async Task A_message_that_would_exhaust_the_stack_ends_no_process() => await ReplayAsync([AmqpPoison.Deadly]);

    [Fact]
    public async Task Events_that_do_not_say_where_they_stand_are_counted_from_their_neighbours()
    {
        await using var hub = await LocalEventHub.StartAsync(
            new LocalHubSettings { Port = 0, Partitions = 2, ConsumerGroups = [Group], FirstSequenceNumbers = [40, 40] }, Cancel);
        foreach (var message in (byte[][])[[0xde, 0xad], [0xbe], AmqpPoison.Good, [0xef], AmqpPoison.Good])
        {
            hub.AppendVerbatim("0", message == AmqpPoison.Good ? Numbered(hub.Partitions[0].LastSequenceNumber + 1) : message);
        }

        hub.AppendVerbatim("1", [0xde, 0xad]);
        hub.AppendVerbatim("1", [0xbe, 0xef]);
        await using var client = Client(hub);
        var received = new Received();

        var counts = await Replay(client, received).RunAsync(new ReplayRange(DateTime.MinValue), null, null, Cancel);

        Assert.Equal(0, counts.Missed);
        Assert.Equal([40, 41, 42, 43, 44], received.Of("0").Select(found => found.SequenceNumber));
        Assert.Equal(
            ["DEAD", "BE", null, "EF", null],
            received.Of("0").Select(found => found.Undecodable is null ? null : Convert.ToHexString(found.Body.Span)));
        Assert.Equal([40, 41], received.Of("1").Select(found => found.SequenceNumber));
    }

    [Fact]
    public async Task One_error_a_partition_and_minute_tells_of_all_that_cannot_be_read()
    {
        var clock = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        var logger = new RecordingLogger();
        var broken = AmqpPoison.Kinds[^1].Message[..^1];
        await using var hub = await HubOf([("cut off", broken), ("cut off", broken)]);
        await using var client = new HubClient(new HubSettings { ConnectionString = hub.ConnectionString }, clock, logger);

        await SteppedAsync(client, "0");
        await SteppedAsync(client, "0");
        await SteppedAsync(client, "1");
        Assert.Equal(2, logger.Texts(LogEventIds.Undecodable).Count);
        Assert.Single(logger.Texts(LogEventIds.UndecodableStill));
        Assert.Contains(AmqpPoison.Device, logger.Texts(LogEventIds.Undecodable)[0], StringComparison.Ordinal);

        clock.Advance(TimeSpan.FromMinutes(1));
        await SteppedAsync(client, "0");
        Assert.Equal(3, logger.Texts(LogEventIds.Undecodable).Count);
    }

    private static async Task ReplayAsync(IReadOnlyList<(string Name, byte[] Message)> messages)
    {
        await using var hub = await HubOf(messages);
        await using var client = Client(hub);
        var received = new Received();

        var counts = await Replay(client, received).RunAsync(new ReplayRange(DateTime.MinValue), null, null, Cancel);

        Assert.Equal(0, counts.Missed);
        AssertNothingIsLost(hub, messages, received.Of);
    }

    private static async Task WorkAsync(IReadOnlyList<(string Name, byte[] Message)> messages)
    {
        await using var hub = await HubOf(messages);
        await using var client = new HubClient(
            new HubSettings { ConnectionString = hub.ConnectionString, LoadBalancingIntervalSeconds = 1, LagIntervalSeconds = 1 },
            TimeProvider.System,
            NullLogger<HubClient>.Instance);
        var store = new MemoryStore();
        await using var worker = RunningWorker.Start(client, store);

        await worker.StoredAsync(store, 3 * messages.Count);
        await worker.StopAsync();

        Assert.Equal(0, store.Missed);
        Assert.All(Enumerable.Range(0, messages.Count), kind => Assert.Equal(2, store.Position(Partition(kind))?.SequenceNumber));
        AssertNothingIsLost(hub, messages, store.Events);
    }

    private static void AssertNothingIsLost(
        LocalEventHub hub, IReadOnlyList<(string Name, byte[] Message)> messages, Func<string, IReadOnlyList<RawEvent>> received)
    {
        Assert.Contains(Enumerable.Range(0, messages.Count), kind => received(Partition(kind)).Any(found => found.Undecodable is not null));
        for (var kind = 0; kind < messages.Count; kind++)
        {
            var (name, message) = messages[kind];
            var events = received(Partition(kind));
            try
            {
                Assert.Equal([0, 1, 2], events.Select(found => found.SequenceNumber));
                AssertGood(events[0]);
                AssertGood(events[2]);
                var poison = events[Poison];
                if (poison.Undecodable is not null)
                {
                    AssertUndecodable(hub, message, poison);
                }
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException($"{name}: {Convert.ToHexString(message)}", exception);
            }
        }
    }

    private static void AssertGood(RawEvent found)
    {
        Assert.Null(found.Undecodable);
        Assert.Equal(AmqpPoison.Body, found.Body.ToArray());
        Assert.Equal(AmqpPoison.Device, found.DeviceId);
        Assert.Equal(AmqpPoison.Stamp, found.RowTime);
    }

    private static void AssertUndecodable(LocalEventHub hub, byte[] message, RawEvent found)
    {
        Assert.NotNull(found.Undecodable);
        Assert.Equal(hub.Read(found.Partition, Poison), found.Body.ToArray());
        Assert.NotNull(found.Offset);
        Assert.NotNull(found.EnqueuedTime);
        if (message.AsSpan().StartsWith(AmqpPoison.Annotations))
        {
            Assert.Equal(AmqpPoison.Device, found.DeviceId);
            Assert.Equal(AmqpPoison.Stamp, found.RowTime);
            Assert.Equal("Telemetry", found.MessageSource);
        }
    }

    private static async Task<List<RawEvent>> SteppedAsync(HubClient client, string partition)
    {
        await using var stepping =
            await SteppingReader.OpenAsync(client, Group, partition, StartAt.Earliest, null, EventFields.Default, Cancel);
        var events = new List<RawEvent>();
        while (events.Count < 3 && await stepping.NextAsync(Patience, Cancel) is { } found)
        {
            events.Add(found);
        }

        return events;
    }

    // Annotated as the hub does it, for what goes past the hub's own writing.
    private static byte[] Numbered(long sequenceNumber)
    {
        var offset = Encoding.ASCII.GetBytes((sequenceNumber * 128).ToString(CultureInfo.InvariantCulture));
        byte[] map =
        [
            0xa3, 0x15, .. "x-opt-sequence-number"u8, 0x54, (byte)sequenceNumber,
            0xa3, 0x0c, .. "x-opt-offset"u8, 0xa1, (byte)offset.Length, .. offset,
        ];
        return [0x00, 0x53, 0x72, 0xc1, (byte)(map.Length + 1), 4, .. map, 0x00, 0x53, 0x75, 0xa0, 0];
    }

    private static string Text(RawEvent message) => string.Join(
        " | ",
        message.Partition,
        message.Offset,
        message.SequenceNumber,
        message.RowTime?.ToString("O"),
        message.EnqueuedTime?.ToString("O"),
        message.DeviceId,
        message.ModuleId,
        message.MessageSource,
        message.ContentType,
        message.ContentEncoding,
        message.MessageId,
        string.Join(", ", message.Properties.Select(property => $"{property.Key} = {property.Value} ({property.Value?.GetType().Name})")),
        message.Undecodable,
        Convert.ToHexString(message.Body.Span));

    private static HubReplay Replay(HubClient client, Received received) =>
        new(client, Group, "$Default", EventFields.Default, received.ProcessAsync);

    private static async Task<LocalEventHub> HubOf(IReadOnlyList<(string Name, byte[] Message)> messages)
    {
        var hub = await LocalEventHub.StartAsync(
            new LocalHubSettings { Port = 0, Partitions = messages.Count, ConsumerGroups = [Group] }, Cancel);
        for (var kind = 0; kind < messages.Count; kind++)
        {
            var partition = Partition(kind);
            hub.Append(partition, AmqpPoison.Good);
            hub.AppendUnchecked(partition, messages[kind].Message);
            hub.Append(partition, AmqpPoison.Good);
        }

        return hub;
    }

    private static HubClient Client(LocalEventHub hub) =>
        new(new HubSettings { ConnectionString = hub.ConnectionString }, TimeProvider.System, NullLogger<HubClient>.Instance);

    private static string Partition(int kind) => kind.ToString(CultureInfo.InvariantCulture);

    private sealed class Received
    {
        private readonly Lock _lock = new();
        private readonly Dictionary<string, List<RawEvent>> _events = [];

        public List<RawEvent> Of(string partition)
        {
            lock (_lock)
            {
                return _events.GetValueOrDefault(partition) ?? [];
            }
        }

        public Task<BatchResult> ProcessAsync(
            IReadOnlyList<RawEvent> events, Ingest.Checkpoints.Checkpoint? checkpoint, CancellationToken cancellationToken)
        {
            lock (_lock)
            {
                foreach (var found in events)
                {
                    if (!_events.TryGetValue(found.Partition, out var list))
                    {
                        _events[found.Partition] = list = [];
                    }

                    list.Add(found);
                }
            }

            return Task.FromResult(new BatchResult(new ReadingCounts(events.Count, events.Count), default));
        }
    }
}
