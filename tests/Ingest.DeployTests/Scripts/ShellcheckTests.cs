using System.Diagnostics;
using Ingest.DeployTests.Support;
using Xunit;

namespace Ingest.DeployTests.Scripts;

public sealed class ShellcheckTests
{
    [Fact]
    public async Task Shellcheck_has_nothing_to_say()
    {
        var shellcheck = DeployFolder.Need(
            "shellcheck", "Install it: apt-get install shellcheck, brew install shellcheck, or winget install koalaman.shellcheck");
        var scripts = DeployFolder.Files("*.sh").Append(Path.Combine(DeployFolder.StandIns, "stand-in")).ToList();
        Assert.True(scripts.Count > 5);

        var start = new ProcessStartInfo(
            shellcheck, ["--external-sources", "--source-path=SCRIPTDIR", .. scripts])
        { RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        var remarks = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal("", remarks);
        Assert.Equal(0, process.ExitCode);
    }

    [Fact]
    public void The_commands_can_be_run_as_they_are()
    {
        foreach (var script in new[] { "console.sh", "deploy.sh", "verify.sh" })
        {
            // Windows has no execute bit.
            Assert.True(
                OperatingSystem.IsWindows()
                    || File.GetUnixFileMode(Path.Combine(DeployFolder.Functions, script)).HasFlag(UnixFileMode.UserExecute),
                script);
        }
    }
}
