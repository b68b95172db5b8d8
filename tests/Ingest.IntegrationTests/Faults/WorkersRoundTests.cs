using Ingest.TestSupport.Faults;
using Xunit;

namespace Ingest.IntegrationTests.Faults;

/// <summary>A short round of what <c>-- faults --only workers</c> of the benchmarks runs long.</summary>
public sealed class WorkersRoundTests
{
    private const int Seed = 8;

    private static readonly WorkersRoundOptions Short = new(
        Workers: 3,
        Partitions: 8,
        MessagesPerSecond: 300,
        Seconds: 20,
        StopsAlone: 1,
        OwnershipExpirySeconds: 5,
        LoadBalancingIntervalSeconds: 1);

    [Fact]
    public async Task Workers_that_come_and_go_share_the_partitions_and_every_reading_is_in_one_place()
    {
        var report = await WorkersRound.RunAsync(Short, Seed, TestContext.Current.CancellationToken);

        Assert.True(
            report is
            {
                Counts: { Balance: true, Stored: > 1_000, DeadLettered: > 0, Ignored: > 0 },
                Killed: > 0,
                Terminated: > 0,
                AfterKill.Count: 1,
                Outages: 4,
                Shares: [3, 3, 2],
            },
            report.ToString());
    }
}
