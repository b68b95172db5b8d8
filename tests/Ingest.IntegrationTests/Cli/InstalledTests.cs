using System.Diagnostics;
using Ingest.TestSupport.Files;
using Ingest.TestSupport.Processes;
using Xunit;

namespace Ingest.IntegrationTests.Cli;

/// <summary>The command as somebody has it who installs tools, not repositories.</summary>
public sealed class InstalledTests(StateHome home) : IClassFixture<StateHome>
{
    [Fact]
    public async Task The_tool_is_packed_installed_runs_everything_from_another_folder_and_is_removed()
    {
        var folder = Directory.CreateTempSubdirectory("ingest-tool-").FullName;
        var (packages, tools) = (Path.Combine(folder, "packages"), Path.Combine(folder, "tools"));
        await DotnetAsync(
            "pack",
            Path.Combine(RepositoryFiles.Root, "src", "Ingest.Cli"),
            "--no-build",
            "--configuration",
            Configuration,
            "--output",
            packages);
        var package = Assert.Single(Directory.GetFiles(packages));
        var version = Path.GetFileNameWithoutExtension(package)["Ingest.Tool.".Length..];

        await DotnetAsync("tool", "install", "Ingest.Tool", "--tool-path", tools, "--source", packages, "--version", version);
        var program = Path.Combine(tools, OperatingSystem.IsWindows() ? "ingest.exe" : "ingest");
        var said = await RunAsync(program, "--version");
        var up = await RunAsync(program, "up", "--fresh", "--events", "1000", "--port", "0", "--json");
        await DotnetAsync("tool", "uninstall", "Ingest.Tool", "--tool-path", tools);

        Assert.StartsWith(version, said.Output, StringComparison.Ordinal);
        Assert.True(up.ExitCode == 0, up.ToString());
        Assert.Equal(
            (1_000, 1_000), (up.Json.GetProperty("stored").GetInt32(), up.Json.GetProperty("rowsInTable").GetInt32()));
        Assert.False(File.Exists(program));

        // Under 25 MB: nobody waits for it.
        Assert.InRange(new FileInfo(package).Length, 1, 25_000_000);
    }

    [Theory]
    [InlineData("ingest rep", "replay")]
    [InlineData("ingest deadletters ", "discard", "export", "import", "list", "retry", "show")]
    [InlineData("ingest replay --from 1h --accept-d", "--accept-differences")]
    [InlineData("ingest completion z", "zsh")]
    public async Task Bash_completes_what_is_typed(string line, params string[] expected)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There is no bash.");
        var script = $$"""
            ingest() { dotnet "{{Path.Combine(AppContext.BaseDirectory, "Ingest.Cli.dll")}}" "$@"; }
            source <(ingest completion bash)
            COMP_LINE='{{line}}'; COMP_POINT=${#COMP_LINE}; COMP_WORDS=({{line}}); COMP_CWORD={{line.Count(letter => letter == ' ')}}
            _ingest
            printf '%s\n' "${COMPREPLY[@]}"
            """;

        var bash = await RunAsync("bash", "--noprofile", "--norc", "-c", script);

        Assert.True(bash.ExitCode == 0, bash.ToString());
        Assert.Equal(
            expected,
            bash.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Where(found => line.EndsWith("deadletters ", StringComparison.Ordinal) ? found[0] != '-' : true)
                .Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("bash")]
    [InlineData("zsh")]
    [InlineData("fish")]
    [InlineData("pwsh")]
    public async Task Every_shell_has_its_script(string shell)
    {
        var printed = await CliProcess.RunAsync(home.Environment, "completion", shell);
        var help = await CliProcess.RunAsync(home.Environment, "--help");

        Assert.Contains("ingest complete --position", printed.Output, StringComparison.Ordinal);
        Assert.DoesNotMatch(@"(?m)^\s+complete\s", help.Output);
    }

    private static string Configuration => AppContext.BaseDirectory.Contains("Release", StringComparison.Ordinal) ? "Release" : "Debug";

    private async Task DotnetAsync(params string[] arguments)
    {
        var result = await RunAsync("dotnet", arguments);
        Assert.True(result.ExitCode == 0, result.ToString());
    }

    private async Task<CliResult> RunAsync(string program, params string[] arguments)
    {
        var info = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Directory.CreateTempSubdirectory("ingest-installed-").FullName,
        };
        foreach (var (name, value) in home.Environment)
        {
            info.Environment[name] = value;
        }

        using var process = Process.Start(info)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return new CliResult(process.ExitCode, output, await errors);
    }
}
