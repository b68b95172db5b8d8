using Ingest.IntegrationTests.Support;
using Ingest.TestSupport;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Faults;
using Ingest.TestSupport.Fuzzing;
using Ingest.TestSupport.Network;
using Xunit;

namespace Ingest.IntegrationTests.Cli;

/// <summary>What anybody may send to a worker's health port. <c>-- fuzz --health</c> of the benchmarks runs long.</summary>
public sealed class HealthPortTests(PostgresFixture postgres)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Any_bytes_end_their_connection_alone_and_the_next_probe_is_answered_and_the_worker_goes_on()
    {
        await using var stage = await WorkerStage.CreateAsync(postgres);
        await using var worker = WorkerProcess.Start(stage.Environment, LoopbackPort.Free());
        await stage.SendAsync(100);
        await Eventually.IsTrueAsync(async () => (await stage.CountsAsync()).Received == 100 && await worker.IsProbedAsync(Stop));
        var fuzzer = new HealthPortFuzzer(worker.HealthPort, seed: 1);

        Assert.Null(await fuzzer.RunAsync(4_000, () => worker.IsProbedAsync(Stop), Stop));

        Assert.True(
            fuzzer is { AskedByForeignName: > 100, Answered: > 200 },
            $"{fuzzer.AskedByForeignName} asked under a foreign name, {fuzzer.Answered} were answered");
        await stage.SendAsync(100);
        await Eventually.IsTrueAsync(async () => (await stage.CountsAsync()).Received == 200);
        Assert.Empty(worker.Complaints([]));
    }
}
