using Ingest.IntegrationTests.EventHubs.Support;
using Ingest.IntegrationTests.Support;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Network;
using Ingest.TestSupport.Processes;
using Xunit;

namespace Ingest.IntegrationTests.Cli;

/// <summary>A network in which only 443 is open: AMQP over WebSockets, through an HTTP proxy where there is one.</summary>
public sealed class WebSocketWorkerTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Worker_and_replay_read_over_WebSockets_and_through_a_proxy(bool throughProxy)
    {
        await using var stage = await WorkerStage.CreateAsync(postgres);
        await using var gateway = new WebSocketGateway(stage.Hub.Port);
        await using var proxy = new ConnectProxy(gateway.Port);

        // What is asked of the proxy by name and port is no address that anything listens at.
        var port = throughProxy ? LoopbackPort.Free() : gateway.Port;
        var environment = new Dictionary<string, string>(stage.Environment)
        {
            ["Hub__ConnectionString"] = stage.Environment["Hub__ConnectionString"].Replace(
                $":{stage.Hub.Port};", $":{port};", StringComparison.Ordinal),
            ["Hub__Transport"] = "AmqpWebSockets",
        };
        if (throughProxy)
        {
            environment["Hub__Proxy"] = $"http://127.0.0.1:{proxy.Port}";
        }

        await stage.SendAsync(1_000);
        await using (var worker = CliProcess.Start(environment, ["run"]))
        {
            await stage.ReceivedAsync(1_000, worker);
            await worker.TerminateAsync();
            var ended = await worker.EndAsync();
            Assert.True(ended.ExitCode == 0, ended.ToString());
        }

        var replay = await CliProcess.RunAsync(environment, "replay", "--from", "1h", "--json");

        Assert.True(replay.ExitCode == 0, replay.ToString());
        Assert.Equal((1_000, 0), (replay.Json.GetProperty("received").GetInt64(), replay.Json.GetProperty("stored").GetInt64()));
        await stage.NothingIsLostOrDoubledAsync();
        Assert.Equal(throughProxy, !proxy.Asked.IsEmpty);
        Assert.All(proxy.Asked, asked => Assert.Equal($"CONNECT 127.0.0.1:{port} HTTP/1.1", asked));
    }
}
