using System.Text.Json.Nodes;
using Ingest.DeployTests.Support;
using Xunit;

[assembly: AssemblyFixture(typeof(Templates))]

namespace Ingest.DeployTests.Support;

/// <summary>Every template of <c>deploy/functions</c>, compiled once for all tests, and what it would deploy.</summary>
public sealed class Templates : IAsyncLifetime
{
    private readonly string folder = Directory.CreateTempSubdirectory("ingest-deploy-").FullName;

    /// <summary>By path relative to the folder: what the compiler answered.</summary>
    internal Dictionary<string, JsonObject> Compiled { get; } = [];

    internal Snapshot Small { get; private set; } = null!;

    /// <summary>
    /// The production size, with what an operator adds: two ranges of devices that are silent at night, one administrator, a setting of
    /// the program.
    /// </summary>
    internal Snapshot Production { get; private set; } = null!;

    /// <summary>The small size upon an installation that has grown and been added to.</summary>
    internal Snapshot Grown { get; private set; } = null!;

    /// <summary>
    /// The production size, whose operator has restored the database and attached the subnets to the NAT gateway of another zone.
    /// </summary>
    internal Snapshot Moved { get; private set; } = null!;

    /// <summary>The small size under a name that not every service takes.</summary>
    internal Snapshot Named { get; private set; } = null!;

    internal Snapshot Install { get; private set; } = null!;

    internal Snapshot InstallWithoutDevice { get; private set; } = null!;

    internal Snapshot Console { get; private set; } = null!;

    internal Snapshot ConsoleMigrate { get; private set; } = null!;

    internal Snapshot Verify { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Copy(DeployFolder.Functions, folder);
        await using var bicep = new BicepCli();
        foreach (var path in Directory.EnumerateFiles(folder, "*.bicep", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            Compiled[Path.GetRelativePath(folder, path)] = await bicep.CompileAsync(path);
        }

        foreach (var path in Directory.EnumerateFiles(folder, "*.bicepparam", SearchOption.AllDirectories))
        {
            Compiled[Path.GetRelativePath(folder, path)] = await bicep.CompileParametersAsync(path);
        }

        var errors = string.Join(Environment.NewLine, Remarks("Error"));
        Assert.True(errors.Length == 0, errors);

        // A snapshot does not look into what is secure: it is made of copies that say it of nothing.
        foreach (var path in Directory.EnumerateFiles(folder, "*.bicep", SearchOption.AllDirectories))
        {
            var text = await File.ReadAllTextAsync(path);
            await File.WriteAllTextAsync(path, text.Replace("@secure()\n", "", StringComparison.Ordinal));
        }

        Small = await bicep.SnapshotAsync(Path.Combine(folder, "small.bicepparam"));
        Production = await SnapshotOfAsync(bicep, "operator", """
            using './main.bicep'
            extends './production.bicepparam'
            param deviceAddresses = ['198.51.100.0/24', '203.0.113.0/24']
            param hubFailoverRegion = 'North Europe'
            param alarmAddresses = ['ops@example.com']
            param silenceTolerated = 'PT12H'
            param administratorAddresses = ['192.0.2.7/32', '2001:db8::7/128']
            param extraSettings = { Telemetry__Table: 'readings', Commit__GiveUpAfterSeconds: '60' }
            """);
        Grown = await SnapshotOfAsync(bicep, "grown", """
            using './main.bicep'
            extends './small.bicepparam'
            param size = 'small'
            param tags = { costCenter: '4711' }
            param hubKey = 'secondary'
            param contentShareKey = 'secondary'
            param silenceTolerated = ''
            param found = {
              databaseServer: 'the-restored'
              databaseGigabytes: 256
              databaseExtensions: 'TIMESCALEDB, postgis'
              databaseLibraries: 'pgaudit,timescaledb'
              contentShareGigabytes: 200
              natGateway: 'ingest-nat'
              routeTables: { functions: '/routes/firewall' }
            }
            """);
        Moved = await SnapshotOfAsync(bicep, "moved", """
            using './main.bicep'
            extends './production.bicepparam'
            param found = {
              databaseServer: 'the-restored'
              databaseGigabytes: 1024
              databaseExtensions: ''
              databaseLibraries: ''
              contentShareGigabytes: 50
              natGateway: 'ingest-nat-2'
              routeTables: {}
            }
            """);
        Named = await SnapshotOfAsync(bicep, "named", "using './main.bicep'\nextends './small.bicepparam'\nparam name = '7-Site_Two'");
        Install = await SnapshotOfAsync(bicep, "install", Jobs("install", "param seedDevice = 'itsme'\nparam migration = 'QVJDSElWRQ=='"));
        InstallWithoutDevice = await SnapshotOfAsync(bicep, "install-only", Jobs("install", "param migration = 'QVJDSElWRQ=='"));
        Console = await SnapshotOfAsync(
            bicep, "console-status", "using './console.bicep'\nparam run = 'ingest-console-1'\nparam arguments = ['status', '--json']");
        ConsoleMigrate = await SnapshotOfAsync(
            bicep,
            "console-migrate",
            "using './console.bicep'\nparam run = 'ingest-console-1'\nparam arguments = ['migrate']\nparam asOwner = true");
        Verify = await SnapshotOfAsync(bicep, "verify", Jobs("verify", "param verifyDevice = 'device-1'"));
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>What the compiler and its linter have to say, of one level or of any.</summary>
    internal IEnumerable<string> Remarks(string? level = null) =>
        from compiled in Compiled
        from diagnostic in compiled.Value["diagnostics"]!.AsArray()
        where level is null || (string?)diagnostic!["level"] == level
        select $"{compiled.Key}: {diagnostic!["level"]} {diagnostic["code"]}: {diagnostic["message"]}";

    private static string Jobs(string task, string more) =>
        $"""
         using './jobs.bicep'
         param task = '{task}'
         param jobsPrincipalId = '11111111-1111-1111-1111-111111111111'
         param runId = '1'
         {more}
         """;

    private async Task<Snapshot> SnapshotOfAsync(BicepCli bicep, string name, string parameters)
    {
        var path = Path.Combine(folder, $"{name}.bicepparam");
        await File.WriteAllTextAsync(path, parameters);
        return await bicep.SnapshotAsync(path);
    }

    private static void Copy(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }
}
