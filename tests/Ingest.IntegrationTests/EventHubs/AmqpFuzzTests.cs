using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Fuzzing;
using Xunit;

namespace Ingest.IntegrationTests.EventHubs;

/// <summary>
/// Messages that no library would write, from the hub to rows and dead letters. <c>-- fuzz --worker</c> of the benchmarks runs long.
/// </summary>
public sealed class AmqpFuzzTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Whatever_AMQP_can_say_a_worker_counts_every_message_and_neither_stalls_nor_ends()
    {
        var stop = TestContext.Current.CancellationToken;
        await using var fuzzer = await AmqpWorkerFuzzer.StartAsync(await postgres.ServerAsync(), seed: 1, stop);

        var failure = await fuzzer.RunAsync(2_000, stop);
        Assert.True(failure is null, failure);
        Assert.True(fuzzer.Frames >= 1, "no frame was put between the hub's");
        Assert.True(fuzzer.Counts.Stored > 200, $"{fuzzer.Counts}: the messages are too odd to prove anything");
        Assert.True(fuzzer.Reasons.GetValueOrDefault("undecodable") > 50, string.Join(", ", fuzzer.Reasons));
    }
}
