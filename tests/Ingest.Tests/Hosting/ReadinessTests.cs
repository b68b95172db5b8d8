using System.Net;
using System.Net.Sockets;
using Ingest.Events;
using Ingest.Failures;
using Ingest.Functions.Hosting;
using Ingest.TestSupport;
using Ingest.TestSupport.Network;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Ingest.Tests.Hosting;

public sealed class ReadinessTests
{
    [Fact]
    public async Task A_database_that_nothing_listens_for_is_not_ready_and_said_so()
    {
        var settings = FunctionAppSettings.Complete();
        settings["Database__ConnectionString"] = $"Host=127.0.0.1;Port={ClosedPort()};Username=u;Password=p;Database=d";
        await using var services = FunctionAppSettings.Compose(settings);

        var report = await services.GetRequiredService<Readiness>().AskAsync(TestContext.Current.CancellationToken);

        Assert.False(report.Ready);
        Assert.NotEmpty(Assert.Single(report.Problems));
        Assert.Equal("Working", report.State);
    }

    [Fact]
    public async Task A_callers_cancellation_is_the_callers()
    {
        await using var services = FunctionAppSettings.Compose(FunctionAppSettings.Complete());
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => services.GetRequiredService<Readiness>().AskAsync(cancelled.Token));
    }

    [Fact]
    public async Task A_database_login_whose_token_never_comes_ends_with_readinesss_patience()
    {
        var clock = new FakeTimeProvider();
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var server = new SilentEndpoint(SilentEndpoint.AsksForPassword);
        await using var services = FunctionAppSettings.Compose(ByToken(server), token => NeverAsync(asked, token));
        var readiness = ActivatorUtilities.CreateInstance<Readiness>(services, clock);

        var asking = readiness.AskAsync(TestContext.Current.CancellationToken);
        await Task.WhenAny(asked.Task, asking);
        clock.Advance(Readiness.Patience);

        Assert.Contains("10 s", Assert.Single((await asking).Problems), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_identity_endpoint_that_nobody_knows_is_not_taken_for_the_database()
    {
        using var server = new SilentEndpoint(SilentEndpoint.AsksForPassword);
        await using var services = FunctionAppSettings.Compose(
            ByToken(server),
            _ => throw new TokenUnavailableException("no token for the identity 7", new SocketException((int)SocketError.HostNotFound)));

        var report = await services.GetRequiredService<Readiness>().AskAsync(TestContext.Current.CancellationToken);

        Assert.Equal(["no token for the identity 7"], report.Problems);
    }

    [Fact]
    public async Task A_first_batch_whose_token_never_comes_fails_when_its_time_is_over()
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var server = new SilentEndpoint(SilentEndpoint.AsksForPassword);
        var settings = ByToken(server);
        settings["Commit__GiveUpAfterSeconds"] = "1";
        await using var services = FunctionAppSettings.Compose(settings, token => NeverAsync(asked, token));
        var reading = new RawEvent { Hub = "hub", Partition = "0", DeviceId = "pump", Body = "{}"u8.ToArray() };

        var storing = services.GetRequiredService<IngestPipeline>().ProcessAsync(
            [reading], checkpoint: null, TestContext.Current.CancellationToken);
        await asked.Task.WaitAsync(Eventually.Patience, TimeProvider.System, TestContext.Current.CancellationToken);

        await Assert.ThrowsAsync<DatabaseUnavailableException>(
            () => storing.WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System, TestContext.Current.CancellationToken));
    }

    private static Dictionary<string, string?> ByToken(SilentEndpoint server)
    {
        var settings = FunctionAppSettings.Complete();
        settings["Database__ConnectionString"] =
            $"Host=127.0.0.1;Port={server.Port};Username=app;Database=d;SSL Mode=Disable;GSS Encryption Mode=Disable";
        settings["Database__EntraAuthentication"] = "true";
        return settings;
    }

    private static async ValueTask<string> NeverAsync(TaskCompletionSource asked, CancellationToken cancellationToken)
    {
        asked.TrySetResult();
        return await new TaskCompletionSource<string>().Task.WaitAsync(cancellationToken);
    }

    private static int ClosedPort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
