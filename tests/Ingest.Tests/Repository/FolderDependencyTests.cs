using System.Text.RegularExpressions;
using Ingest.TestSupport.Files;
using Xunit;

namespace Ingest.Tests.Repository;

/// <summary>Which folders of the core may know which others, read from the sources.</summary>
public sealed class FolderDependencyTests
{
    // Each may know those above it that it lists, so that no two know each other in a circle.
    private static readonly (string Folder, string[] MayKnow)[] Allowed =
    [
        ("Settings", []),
        ("Events", ["Settings"]),
        ("Failures", []),
        ("Columns", ["Settings", "Events"]),
        ("Checkpoints", ["Events"]),
        ("Decode", ["Settings", "Events", "Columns"]),
        ("DeadLetters", ["Settings", "Events", "Decode"]),
        ("Schema", ["Settings", "Failures", "Columns", "Decode"]),
        ("Forgotten", ["Events", "Failures", "Schema"]),
        ("Diagnostics", ["Events", "Failures", "Decode", "Schema"]),
        (
            "Write",
            ["Settings", "Events", "Failures", "Columns", "Checkpoints", "Decode", "DeadLetters", "Schema", "Forgotten", "Diagnostics"]),
        (
            "Audit",
            ["Settings", "Events", "Columns", "Checkpoints", "Decode", "DeadLetters", "Schema", "Forgotten", "Write"]),
        ("Repair", ["Settings", "Events", "Failures", "Decode", "DeadLetters", "Write"]),
        ("GroupCommit", ["Settings", "Events", "Failures", "Checkpoints", "Decode", "DeadLetters", "Diagnostics", "Write"]),
    ];

    public static TheoryData<string> Folders =>
        [.. Directory.GetDirectories(Core).Where(HasCode).Select(Path.GetFileName).OfType<string>()];

    private static string Core => Path.Combine(RepositoryFiles.Root, "src", "Ingest");

    [Fact]
    public void No_circle_is_allowed()
    {
        for (var index = 0; index < Allowed.Length; index++)
        {
            Assert.Subset(Allowed[..index].Select(above => above.Folder).ToHashSet(), Allowed[index].MayKnow.ToHashSet());
        }
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void A_folder_knows_only_those_that_it_may(string folder)
    {
        var mayKnow = Assert.Single(Allowed, rule => rule.Folder == folder).MayKnow;

        // A using that nothing needs fails the build, so those there are tell; and a name with its folder in front needs none.
        var others = string.Join('|', Allowed.Select(rule => rule.Folder).Where(other => other != folder));
        var known = Directory.GetFiles(Path.Combine(Core, folder), "*.cs", SearchOption.AllDirectories)
            .SelectMany(File.ReadLines)
            .Where(line => !line.TrimStart().StartsWith("//", StringComparison.Ordinal))
            .SelectMany(
                line => Regex.Matches(line, $@"(?:^using (?:static )?Ingest\.|[\s(<,!]|Ingest\.)(?<folder>{others})(?:;|\.[A-Z]\w+)"))
            .Select(match => match.Groups["folder"].Value)
            .ToHashSet();

        Assert.Subset(mayKnow.ToHashSet(), known);
    }

    private static bool HasCode(string folder) =>
        Path.GetFileName(folder) is not ("bin" or "obj") && Directory.EnumerateFiles(folder, "*.cs").Any();
}
