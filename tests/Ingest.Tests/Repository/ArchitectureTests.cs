using System.Text.RegularExpressions;
using Ingest.TestSupport.Files;
using Xunit;

namespace Ingest.Tests.Repository;

/// <summary>docs/architecture.md says what the code is.</summary>
public sealed partial class ArchitectureTests
{
    private static readonly string Page = RepositoryFiles.Read(Path.Combine("docs", "architecture.md"));

    [Fact]
    public void Its_picture_of_the_projects_has_their_references_and_no_others()
    {
        var names = Box().Matches(Page).ToDictionary(box => box.Groups["id"].Value, box => box.Groups["project"].Value);
        var drawn = Arrow().Matches(Page).Select(arrow => (names[arrow.Groups["from"].Value], names[arrow.Groups["to"].Value]));
        var projects = Directory.GetFiles(Path.Combine(RepositoryFiles.Root, "src"), "*.csproj", SearchOption.AllDirectories);
        var referenced = projects.SelectMany(project => Reference().Matches(File.ReadAllText(project))
            .Select(reference => (Path.GetFileNameWithoutExtension(project), reference.Groups["project"].Value)));

        Assert.Equal(referenced.Order(), drawn.Order());
        Assert.Equal(projects.Select(Path.GetFileNameWithoutExtension).Order(), names.Values.Order());
    }

    [Fact]
    public void The_steps_that_it_draws_are_those_of_the_pipeline_in_their_order()
    {
        var method = RepositoryFiles.Read(Path.Combine("src", "Ingest", "IngestPipeline.cs"));
        method = method[method.IndexOf("Task<BatchResult> ProcessAsync", StringComparison.Ordinal)..];
        var steps = new[] { ".Reserve(", ".RoomAsync(", ".Decode(", ".CommitAsync(" }.Select(step => method.IndexOf(step, StringComparison.Ordinal)).ToList();

        Assert.DoesNotContain(-1, steps);
        Assert.Equal(steps.Order(), steps);
        foreach (Match folder in Folder().Matches(Page))
        {
            Assert.True(Directory.Exists(Path.Combine(RepositoryFiles.Root, "src", "Ingest", folder.Groups["name"].Value)), folder.Value);
        }
    }

    [GeneratedRegex(@"^  (?<id>\w+)\[""(?<project>Ingest[\w.]*):", RegexOptions.Multiline)]
    private static partial Regex Box();

    [GeneratedRegex(@"^  (?<from>\w+) --> (?<to>\w+)$", RegexOptions.Multiline)]
    private static partial Regex Arrow();

    [GeneratedRegex(@"ProjectReference Include="".*?(?<project>[\w.]+)\.csproj""")]
    private static partial Regex Reference();

    [GeneratedRegex(@"(?:\[""|-- "")(?<name>GroupCommit|Decode|Write|Failures|DeadLetters|Checkpoints)\b")]
    private static partial Regex Folder();
}
