using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Ingest.FunctionsTests.Support;
using Ingest.IntegrationTests.Lookup;
using Ingest.TestSupport;
using Ingest.TestSupport.Files;
using Ingest.TestSupport.Network;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Ingest.FunctionsTests;

/// <summary>The app as a process of its own, called as the Functions host calls it.</summary>
public sealed class AnswerTests
{
    private const string Identity = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";

    [Fact]
    public async Task It_starts_on_the_samples_settings_loads_its_functions_and_has_nothing_to_warn_of()
    {
        await using var host = await FunctionsHost.StartAsync(Sample());
        var live = await host.Begin("Live", "api/live").Answer;

        Assert.Equal(["IngestTelemetry", "Live", "LookupDevice", "Ready"], host.Functions.Order());
        Assert.Equal("alive", await live.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Empty(host.Log.Select(line => line.Message));
    }

    [Fact]
    public async Task A_device_is_answered_with_its_document()
    {
        await using var cosmos = await ScriptedCosmos.StartAsync();
        cosmos.Document = context => ScriptedCosmos.AnswerAsync(context, StatusCodes.Status200OK, """{"id":"itsme","floor":3,"_ts":1}""");
        await using var host = await FunctionsHost.StartAsync(Keyed(cosmos));

        var answer = await Lookup(host).Answer;

        Assert.Equal("""{"id":"itsme","floor":3}""", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_function_that_throws_is_answered_500_with_problem_details_that_tell_nothing_of_it()
    {
        await using var cosmos = await ScriptedCosmos.StartAsync();
        cosmos.Document = context => ScriptedCosmos.AnswerAsync(context, StatusCodes.Status200OK, """{"id":"itsme", oops""");
        await using var host = await FunctionsHost.StartAsync(Keyed(cosmos));

        var answer = await Lookup(host).Answer;

        var problem = await ProblemAsync(answer, HttpStatusCode.InternalServerError);
        Assert.DoesNotContain("oops", problem, StringComparison.Ordinal);
        await Eventually.IsTrueAsync(() => host.Log.Any(line => line.StackTrace.Contains("DeviceDocument", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_call_that_the_host_cancels_is_answered_503_at_once()
    {
        using var silent = new SilentEndpoint();
        await using var host = await FunctionsHost.StartAsync(WithIdentity(silent.Address));

        var call = Lookup(host);
        await silent.Asked.WaitAsync(Eventually.Patience, TimeProvider.System, TestContext.Current.CancellationToken);
        var cancelled = Stopwatch.StartNew();
        call.Cancel();

        await ProblemAsync(await call.Answer, HttpStatusCode.ServiceUnavailable);
        Assert.InRange(cancelled.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(3));
    }

    [Fact]
    public async Task A_lookup_whose_identitys_endpoint_is_silent_gives_up_in_its_patience_and_one_line_names_the_identity()
    {
        using var silent = new SilentEndpoint();
        await using var host = await FunctionsHost.StartAsync(WithIdentity(silent.Address));

        var asked = Stopwatch.StartNew();
        var answers = await Task.WhenAll(Lookup(host).Answer, Lookup(host).Answer);

        Assert.InRange(asked.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(10));
        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode));
        await Eventually.IsTrueAsync(() => host.Log.Count > 0);
        Assert.All(host.Log, NamesTheIdentityInOneLine);
    }

    [Fact]
    public async Task A_lookup_without_an_identity_is_unavailable_and_one_line_names_what_is_missing()
    {
        var settings = WithIdentity("");
        settings["AZURE_TOKEN_CREDENTIALS"] = "ManagedIdentityCredential";
        await using var host = await FunctionsHost.StartAsync(settings);

        var answer = await Lookup(host).Answer;

        await ProblemAsync(answer, HttpStatusCode.ServiceUnavailable);
        await Eventually.IsTrueAsync(() => host.Log.Count > 0);
        Assert.All(host.Log, NamesTheIdentityInOneLine);
    }

    [Fact]
    public async Task Readiness_whose_identitys_endpoint_is_silent_names_the_identity_within_its_patience()
    {
        using var silent = new SilentEndpoint();
        using var server = new SilentEndpoint(SilentEndpoint.AsksForPassword);
        var settings = WithIdentity(silent.Address);
        settings["Database__ConnectionString"] =
            $"Host=127.0.0.1;Port={server.Port};Username=app;Database=d;SSL Mode=Disable;GSS Encryption Mode=Disable";
        settings["Database__EntraAuthentication"] = "true";
        await using var host = await FunctionsHost.StartAsync(settings);

        var asked = Stopwatch.StartNew();
        var answer = await host.Begin("Ready", "api/ready").Answer;
        var body = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.InRange(asked.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(10));
        Assert.Contains(Identity, body, StringComparison.Ordinal);
        Assert.Empty(host.Log);
    }

    [Theory]
    [InlineData("Cosmos", "AccountEndpoint=https://plant.documents.azure.com:443/")]
    [InlineData("CosmosContainer", "dev/ices")]
    public async Task A_setting_that_cannot_be_used_ends_it_with_its_name(string setting, string value)
    {
        var settings = Sample();
        settings[setting] = value;

        var end = await FunctionsHost.EndAsync(settings);

        Assert.Equal(2, end.ExitCode);
        Assert.Contains(setting, Assert.Single(end.Errors.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }

    private static Call Lookup(FunctionsHost host) => host.Begin("LookupDevice", "api/devices/itsme", ("deviceId", "itsme"));

    private static void NamesTheIdentityInOneLine(LogLine line)
    {
        Assert.Contains(Identity, line.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', line.Message);
        Assert.Empty(line.StackTrace);
    }

    private static async Task<string> ProblemAsync(HttpResponseMessage answer, HttpStatusCode status)
    {
        var body = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Equal(status, answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        using var problem = JsonDocument.Parse(body);
        Assert.Equal((int)status, problem.RootElement.GetProperty("status").GetInt32());
        return body;
    }

    private static Dictionary<string, string> Sample()
    {
        using var sample = JsonDocument.Parse(RepositoryFiles.Read("local.settings.sample.json"));
        return sample.RootElement.GetProperty("Values").EnumerateObject()
            .ToDictionary(value => value.Name, value => value.Value.GetString()!);
    }

    private static Dictionary<string, string> Keyed(ScriptedCosmos cosmos)
    {
        var settings = Sample();
        settings["Cosmos"] =
            $"AccountEndpoint={cosmos.Endpoint};AccountKey={Convert.ToBase64String(new byte[64])};DisableServerCertificateValidation=True";
        return settings;
    }

    private static Dictionary<string, string> WithIdentity(string endpoint)
    {
        var settings = Sample();
        settings.Remove("Cosmos");
        settings["Cosmos__accountEndpoint"] = "https://127.0.0.1:1/";
        settings["AZURE_CLIENT_ID"] = Identity;
        settings["IDENTITY_ENDPOINT"] = endpoint;
        settings["IDENTITY_HEADER"] = endpoint.Length > 0 ? "secret" : "";
        return settings;
    }
}
