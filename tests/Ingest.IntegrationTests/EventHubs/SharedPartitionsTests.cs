using Ingest.Diagnostics;
using Ingest.IntegrationTests.EventHubs.Support;
using Ingest.TestSupport;
using Xunit;

namespace Ingest.IntegrationTests.EventHubs;

/// <summary>Several workers on one hub and consumer group.</summary>
public sealed class SharedPartitionsTests
{
    private const int Partitions = 6;

    private readonly MemoryStore _store = new();
    private readonly MemoryOwnership _ownership = new();
    private int _sent;

    [Fact]
    public async Task Workers_that_join_take_a_share_and_what_a_stopped_one_leaves_is_taken_over_at_once()
    {
        await using var hub = await TestHub.StartAsync(Partitions);
        await using var first = Start(hub);
        await SharesAsync(6);
        await using var second = Start(hub);
        await SharesAsync(3, 3);
        await using var third = Start(hub);
        await SharesAsync(2, 2, 2);
        await SendAsync(hub, first);

        await first.StopAsync();

        Assert.DoesNotContain(first.Worker.Name, _ownership.Owners.Values);
        await SharesAsync(3, 3);
        await SendAsync(hub, second);
        await second.StopAsync();
        await SharesAsync(6);
        await SendAsync(hub, third);
        await third.StopAsync();

        AllIsStoredOnceAndInOrder();
        Assert.Empty(_ownership.Owners);
    }

    [Fact]
    public async Task An_outage_of_the_ownership_longer_than_its_expiry_moves_nothing_and_keeps_everybody_reading()
    {
        await using var hub = await TestHub.StartAsync(Partitions);
        await using var first = Start(hub);
        await using var second = Start(hub);
        await SharesAsync(3, 3);
        var (owners, moves) = (_ownership.Owners, _ownership.Moves);

        // Longer than the expiry, and everybody's ownership has run out.
        _ownership.Failure = new TimeoutException("the store is away");
        await Eventually.IsTrueAsync(() => _ownership.SinceTheLastRenewal > TestHub.OwnershipExpiry);
        Assert.True(first.Worker.WaitsFor is not null && second.Worker.WaitsFor is not null);
        await SendAsync(hub, first);
        _ownership.Failure = null;
        await Eventually.IsTrueAsync(() => first.Worker.WaitsFor is null && second.Worker.WaitsFor is null);
        await LooksAsync(10);

        Assert.Equal(moves, _ownership.Moves);
        Assert.Equivalent(owners, _ownership.Owners, strict: true);
        await SendAsync(hub, second);
        AllIsStoredOnceAndInOrder();
        for (var partition = 0; partition < Partitions; partition++)
        {
            Assert.Equal(1, Readers(first, second).Count(owned => owned == $"{partition}"));
        }
    }

    [Fact]
    public async Task A_worker_that_starts_gives_an_owner_time_to_renew_before_it_takes_what_has_expired()
    {
        await using var hub = await TestHub.StartAsync(partitions: 1);
        _ownership.Put("0", "somebody", age: 2 * TestHub.OwnershipExpiry);

        await using var worker = Start(hub);
        await SharesAsync(1);
        await Eventually.IsTrueAsync(() => _ownership.Owners["0"] == worker.Worker.Name);

        Assert.True(_ownership.LooksBeforeTheFirstMove > 1, "taken at the first look");
    }

    [Fact]
    public async Task Workers_of_some_partitions_share_those_alone()
    {
        await using var hub = await TestHub.StartAsync(Partitions);
        await using var first = Start(hub, "0", "1", "2");
        await SharesAsync(3);

        // Counted among all six, it would stop at its half of its three.
        await using var second = Start(hub, "3", "4", "5");
        await SharesAsync(3, 3);

        await SendAsync(hub, first);
        AllIsStoredOnceAndInOrder();
    }

    [Fact]
    public async Task A_fenced_partition_is_not_claimed_again_while_its_owner_cannot_be_asked()
    {
        var logger = new RecordingLogger();
        await using var hub = await TestHub.StartAsync(partitions: 1);
        await using var worker = RunningWorker.Start(hub.Client(logger: logger), _store, _ownership);
        await Eventually.IsTrueAsync(() => worker.Partitions is [{ IsAttached: true }]);

        // Somebody has taken the partition and its checkpoint, and this worker cannot hear of it.
        _ownership.Failure = new TimeoutException("the store is away");
        _ownership.Put("0", "somebody", age: TimeSpan.Zero);
        await _store.ClaimAsync("", "", ["0"], TestContext.Current.CancellationToken);
        await hub.SendAsync("0", 0, 1);
        await Eventually.IsTrueAsync(() => logger.Texts(LogEventIds.Fenced).Count > 0);
        var failures = _ownership.Failures;
        await Eventually.IsTrueAsync(() => _ownership.Failures >= failures + 6);

        Assert.Equal(2, _store.Epoch("0"));
        _ownership.Failure = null;
        await Eventually.IsTrueAsync(() => worker.Partitions.Count == 0);
        Assert.Equal(2, _store.Epoch("0"));
    }

    [Fact]
    public async Task Positions_are_copied_to_where_the_ownership_is_and_never_read_back()
    {
        // Reading a position back throws in this store.
        await using var hub = await TestHub.StartAsync(partitions: 1);
        await using (var first = Start(hub))
        {
            await hub.SendAsync("0", 0, 25);
            await first.StoredAsync(_store, 25);
            await first.StopAsync();
        }

        var last = _ownership.Copies[^1];
        Assert.Equal(("0", 24L), (last.Partition, last.SequenceNumber));
        Assert.Equal(_store.Position("0")!.Offset, last.Offset);
        Assert.Equal(last.Worker, last.Owner);
        await using var second = Start(hub);
        await hub.SendAsync("0", 25, 5);
        await second.StoredAsync(_store, 30);
        await second.StopAsync();
        Assert.Equal(Enumerable.Range(0, 30).Select(number => $"{number}"), _store.Bodies("0"));
    }

    [Fact]
    public async Task A_partition_that_a_stranger_reads_with_a_higher_owner_level_is_told_and_taken_back_when_he_leaves()
    {
        await using var hub = await TestHub.StartAsync(partitions: 1);
        await using var worker = Start(hub);
        await Eventually.IsTrueAsync(() => worker.Partitions is [{ IsAttached: true }]);
        await using (var stranger = await hub.Client().ReadWithOwnerLevelAsync("0", 7))
        {
            await Eventually.IsTrueAsync(() => worker.Partitions is [{ IsAttached: false, LastError.Length: > 0 }]);
            Assert.Contains("Another reader has taken the partition", worker.Partitions[0].LastError, StringComparison.Ordinal);
        }

        await hub.SendAsync("0", 0, 10);
        await worker.StoredAsync(_store, 10);
        await worker.StopAsync();
    }

    private RunningWorker Start(TestHub hub, params IEnumerable<string> partitions) =>
        RunningWorker.Start(hub.Client(settings => partitions.ToList().ForEach(settings.Partitions.Add)), _store, _ownership);

    private static IEnumerable<string> Readers(params IEnumerable<RunningWorker> workers) =>
        workers.SelectMany(worker => worker.Partitions).Select(partition => partition.Partition);

    private async Task LooksAsync(int more)
    {
        var looks = _ownership.Looks + more;
        await Eventually.IsTrueAsync(() => _ownership.Looks >= looks);
    }

    private async Task SendAsync(TestHub hub, RunningWorker alive)
    {
        for (var partition = 0; partition < Partitions; partition++)
        {
            await hub.SendAsync($"{partition}", _sent, 100);
        }

        _sent += 100;
        await alive.StoredAsync(_store, _sent * Partitions);
    }

    private Task SharesAsync(params IEnumerable<int> shares) => Eventually.IsTrueAsync(
        () => _ownership.Owners.Values.GroupBy(owner => owner).Select(owner => owner.Count()).Order().SequenceEqual(shares.Order()));

    private void AllIsStoredOnceAndInOrder()
    {
        for (var partition = 0; partition < Partitions; partition++)
        {
            Assert.Equal(Enumerable.Range(0, _sent).Select(number => $"{number}"), _store.Bodies($"{partition}"));
        }

        Assert.Equal(0, _store.Missed);
    }
}
