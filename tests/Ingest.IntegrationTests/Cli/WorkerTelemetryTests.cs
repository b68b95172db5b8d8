using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Ingest.IntegrationTests.Support;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Network;
using Ingest.TestSupport.Processes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Xunit;

namespace Ingest.IntegrationTests.Cli;

/// <summary>What the worker tells its operators while it runs.</summary>
public sealed class WorkerTelemetryTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Metrics_and_traces_go_over_OTLP_to_the_endpoint_that_is_configured_and_name_no_user()
    {
        var received = new ConcurrentDictionary<string, string>();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        await using var collector = builder.Build();
        collector.Run(async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            received.AddOrUpdate(context.Request.Path, Text(body), (_, before) => before + Text(body));
        });
        await collector.StartAsync(TestContext.Current.CancellationToken);

        await using var stage = await WorkerStage.CreateAsync(postgres);
        await stage.SendAsync(100);
        await using var worker = CliProcess.Start(
            new Dictionary<string, string>(stage.Environment)
            {
                ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Urls.Single(),
                ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
            },
            "run");
        await stage.ReceivedAsync(100, worker);
        await worker.TerminateAsync();
        var ended = await worker.EndAsync();

        Assert.True(ended.ExitCode == 0, ended.ToString());
        Assert.Contains("ingest.readings.stored", received["/v1/metrics"], StringComparison.Ordinal);
        Assert.Contains("flush", received["/v1/traces"], StringComparison.Ordinal);
        var login = new Npgsql.NpgsqlConnectionStringBuilder(stage.Environment["Database__ConnectionString"]);
        Assert.Contains($"{login.Host}/{login.Database}", received["/v1/metrics"], StringComparison.Ordinal);
        Assert.DoesNotContain($"Username={login.Username}", received["/v1/metrics"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_probes_say_that_it_lives_and_that_it_is_ready_and_answer_no_foreign_host_name()
    {
        await using var stage = await WorkerStage.CreateAsync(postgres);
        await stage.SendAsync(100);
        var port = LoopbackPort.Free();
        await using var worker = CliProcess.Start(
            new Dictionary<string, string>(stage.Environment) { ["Health__Port"] = $"{port}" }, "run");
        await stage.ReceivedAsync(100, worker);
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
        using var live = await http.GetAsync("/healthz", TestContext.Current.CancellationToken);
        using var ready = await http.GetAsync("/readyz", TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.OK, live.StatusCode);
        Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
        using var lured = new HttpRequestMessage(HttpMethod.Get, "/readyz") { Headers = { Host = "attacker.example" } };
        using var refused = await http.SendAsync(lured, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.MisdirectedRequest, refused.StatusCode);
        Assert.DoesNotContain(
            "ready", await refused.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Contains(
            "\"ready\":true", await ready.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    private static string Text(MemoryStream body) => Encoding.Latin1.GetString(body.ToArray());
}
