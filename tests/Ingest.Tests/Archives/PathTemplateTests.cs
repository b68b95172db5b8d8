using Ingest.Sources.Archives;
using Ingest.Sources.EventHubs;
using Xunit;

namespace Ingest.Tests.Archives;

public sealed class PathTemplateTests
{
    private static readonly ReplayRange Noon = new(
        new DateTime(2026, 5, 10, 12, 0, 0, DateTimeKind.Utc), new DateTime(2026, 5, 10, 13, 0, 0, DateTimeKind.Utc));

    [Theory]
    [InlineData("{iothub}/{partition}/{YYYY}/{MM}/{DD}/{HH}/{mm}", "hub/0/2026/05/10/12/30.avro", true)]
    [InlineData("{iothub}/{partition}/{YYYY}/{MM}/{DD}/{HH}/{mm}", "hub/0/2026/05/10/09/30", false)]
    [InlineData("{iothub}/{partition}/{YYYY}/{MM}/{DD}/{HH}/{mm}", "hub/0/2026/05/10/11/05", true)]
    [InlineData("{iothub}/{partition}/{YYYY}/{MM}/{DD}/{HH}/{mm}", "hub/0/2026/05/11/12/59", true)]
    [InlineData("{iothub}/{partition}/{YYYY}/{MM}/{DD}/{HH}/{mm}", "hub/0/2026/05/12/00/00", false)]
    [InlineData("{iothub}/{partition}/{YYYY}/{MM}/{DD}/{HH}/{mm}", "another/thing.avro", true)]
    [InlineData("{iothub}/{partition}/{YYYY}/{MM}/{DD}/{HH}/{mm}", "hub/0/2026/13/40/99/99", true)]
    [InlineData("{YYYY}-{MM}-{DD}_{HH}+{mm}({iothub})x{partition}", "2026-05-10_12+30(hub)x3", true)]
    [InlineData("{YYYY}-{MM}-{DD}_{HH}+{mm}({iothub})x{partition}", "2026-05-09_08+30(hub)x3", false)]
    [InlineData("{partition}/{iothub}/{DD}.{MM}.{YYYY}", "3/hub/10.05.2026", true)]
    [InlineData("{partition}/{iothub}/{DD}.{MM}.{YYYY}", "3/hub/09.05.2026", false)]
    public void A_file_is_left_out_only_where_its_path_says_that_it_cannot_hold_the_range(string template, string path, bool kept)
    {
        Assert.Equal(kept, PathTemplate.Parse(template, out _)!.MayHold(path, Noon));
    }

    [Theory]
    [InlineData("{iothub}/{year}", "it takes {iothub} {partition} {YYYY} {MM} {DD} {HH} {mm}")]
    [InlineData("{iothub}/{YYYY}/{YYYY}", "names {YYYY} twice")]
    [InlineData("{iothub}/{partition}", "names no {YYYY}, {MM} and {DD}")]
    public void A_template_that_leaves_nothing_out_is_refused_in_words(string template, string sentence)
    {
        Assert.Null(PathTemplate.Parse(template, out var problem));
        Assert.Contains(sentence, problem, StringComparison.Ordinal);
    }
}
