using System.Reflection;
using Xunit;

namespace Ingest.DeployTests.Support;

/// <summary>Where the repository lies, and what the build left for the tests.</summary>
internal static class DeployFolder
{
    public static string Root { get; } = Metadata("RepositoryRoot");

    public static string Functions { get; } = Path.Combine(Root, "deploy", "functions");

    public static string BicepCli { get; } = Metadata("BicepCli");

    public static string StandIns { get; } = Path.Combine(AppContext.BaseDirectory, "Support", "StandIns");

    public static bool InCi => Environment.GetEnvironmentVariable("CI") == "true";

    public static IEnumerable<string> Files(string pattern) =>
        Directory.EnumerateFiles(Functions, pattern, SearchOption.AllDirectories).Order(StringComparer.Ordinal);

    /// <summary>Where a program of this name lies on the path, or null.</summary>
    public static string? Find(string program)
    {
        var names = OperatingSystem.IsWindows() ? [$"{program}.exe"] : new[] { program };
        return (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .SelectMany(folder => names.Select(name => Path.Combine(folder, name)))
            .FirstOrDefault(File.Exists);
    }

    /// <summary>As <see cref="Find"/>; where it is missing, fails in CI and skips elsewhere, saying what to install.</summary>
    public static string Need(string program, string remedy)
    {
        var path = Find(program);
        if (path is null && InCi)
        {
            Assert.Fail($"{program} is not installed. {remedy}");
        }

        Assert.SkipWhen(path is null, $"{program} is not installed. {remedy}");
        return path!;
    }

    private static string Metadata(string key) =>
        typeof(DeployFolder).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == key).Value!;
}
