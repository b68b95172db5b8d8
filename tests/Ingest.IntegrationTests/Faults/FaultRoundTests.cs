using Ingest.TestSupport.Faults;
using Xunit;

namespace Ingest.IntegrationTests.Faults;

/// <summary>
/// A short round of what <c>-- faults</c> of the benchmarks runs long: a server, a hub and a worker process of its own for each fault,
/// devices that go on sending, and at the end every reading looked for by its content.
/// </summary>
public sealed class FaultRoundTests
{
    private const int Seed = 3;

    // One of each kind: processes, connections, the network, the server's mode, the table. The long run has the others.
    public static TheoryData<string> Short =>
        [
            "worker-killed",
            "server-killed",
            "server-stopped-immediate",
            "connections-cut",
            "commit-answers-lost",
            "network-silent",
            "server-read-only",
            "table-renamed",
        ];

    [Theory]
    [MemberData(nameof(Short))]
    public async Task Every_reading_is_in_one_place_and_the_worker_keeps_pace_again_by_itself_after(string fault)
    {
        var report = await FaultRound.RunAsync(FaultCatalog.Named(fault), Seed, TestContext.Current.CancellationToken);

        Assert.True(report.Counts is { Balance: true, Stored: > 500, DeadLettered: > 0, Ignored: > 0 }, report.ToString());
    }
}
