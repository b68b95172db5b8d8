using System.Globalization;
using System.Text;

namespace Ingest.Benchmarks;

/// <summary>The README's chart: bars of what each way reaches of plain COPY, readable on a light and on a dark page.</summary>
internal static class WriteBenchmarkChart
{
    private const int Left = 190;
    private const int BarsWidth = 460;
    private const int Width = 760;
    private const int RowHeight = 24;

    private static readonly (string Case, string Title)[] Panels =
        [("new", "New rows"), ("allDuplicates", "All of them stored already")];

    private static readonly Dictionary<string, string> Names = new()
    {
        ["ingest"] = "Ingest",
        ["copyNew"] = "COPY of the new rows",
        ["copy"] = "plain COPY, not idempotent",
        ["unnest"] = "unnest upsert",
        ["stagedCopy"] = "COPY to temp, then upsert",
        ["multiRowValues"] = "multi-row VALUES upsert",
        ["singleRowsBatched"] = "single rows in a batch",
        ["statementPerEvent"] = "a statement an event",
    };

    public static string Draw(WriteReport report)
    {
        var svg = new StringBuilder();
        var widest = report.Cases.Where(
            figures => Panels.Any(panel => panel.Case == figures.Name)).Max(figures => Math.Max(1, figures.RatioToCopy));
        var y = 4;
        foreach (var (name, title) in Panels)
        {
            y += 26;
            Line(svg, $"""<text x="0" y="{y}" class="head">{title}</text>""");
            y += 8;
            foreach (var figures in report.Cases.Where(figures => figures.Name == name && !(figures.Way == "copy" && name != "new")))
            {
                var length = Math.Max(1, figures.RatioToCopy / widest * BarsWidth);
                Line(svg, $"""<text x="{Left - 8}" y="{y + 16}" class="name">{Names[figures.Way]}</text>""");
                Line(svg, $"""<rect x="{Left}" y="{y + 4}" width="{length:f0}" height="16" rx="2" class="{(figures.Way == "ingest" ? "ours" : "other")}"/>""");
                Line(svg, $"""<text x="{Left + length + 6:f0}" y="{y + 16}">{figures.RatioToCopy:0.00#}</text>""");
                y += RowHeight;
            }
        }

        y += 24;
        Line(svg, $"""<text x="0" y="{y}" class="foot">Rows a second, relative to plain COPY of the same rows into the empty indexed table: medians of interleaved pairs,</text>""");
        Line(svg, $"""<text x="0" y="{y + 16}" class="foot">{report.Flush:n0} rows a flush, {report.Connections} connection. Ingest from message bodies; the others from values. {report.Server.Split(',')[0]}.</text>""");
        return string.Create(
            CultureInfo.InvariantCulture,
            $$"""
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{Width}} {{y + 28}}" width="{{Width}}" height="{{y + 28}}" role="img" aria-label="Rows a second of each way, relative to plain COPY">
            <style>
            text { font: 13px system-ui, sans-serif; fill: #24292f }
            .head { font-weight: 600 } .name { text-anchor: end } .foot { font-size: 12px; fill: #57606a }
            .ours { fill: #1a7f37 } .other { fill: #8c959f }
            @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .foot { fill: #9198a1 } .ours { fill: #3fb950 } .other { fill: #6e7681 } }
            </style>
            {{svg}}</svg>

            """);
    }

    private static void Line(StringBuilder svg, FormattableString line) => svg.AppendLine(line.ToString(CultureInfo.InvariantCulture));
}
