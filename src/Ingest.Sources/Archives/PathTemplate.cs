using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Ingest.Sources.EventHubs;

namespace Ingest.Sources.Archives;

/// <summary>How the paths of an archive's files are made, so that the files of other times need not be opened.</summary>
public sealed class PathTemplate
{
    // A file is named when it is begun, and holds what was enqueued before that too: after an outage of the storage account, of hours.
    private static readonly TimeSpan LatestFile = TimeSpan.FromDays(1);

    // Clocks differ, and a file may be filled for a while under its name.
    private static readonly TimeSpan EarliestFile = TimeSpan.FromHours(2);

    private static readonly Dictionary<string, string> Patterns = new(StringComparer.Ordinal)
    {
        ["{iothub}"] = ".+?",
        ["{partition}"] = ".+?",
        ["{YYYY}"] = @"(?<year>\d{4})",
        ["{MM}"] = @"(?<month>\d{2})",
        ["{DD}"] = @"(?<day>\d{2})",
        ["{HH}"] = @"(?<hour>\d{2})",
        ["{mm}"] = @"(?<minute>\d{2})",
    };

    private readonly Regex _path;

    private PathTemplate(Regex path) => _path = path;

    /// <summary>Reads a template; null with the problem where it is none.</summary>
    public static PathTemplate? Parse(string text, out string? problem)
    {
        ArgumentNullException.ThrowIfNull(text);
        var pattern = new StringBuilder("^");
        var known = new HashSet<string>(StringComparer.Ordinal);
        problem = null;
        foreach (var part in Regex.Split(text, @"(\{[^{}]*\})"))
        {
            if (Patterns.TryGetValue(part, out var matching))
            {
                problem ??= known.Add(part) ? null : $"--path-template names {part} twice.";
                pattern.Append(matching);
            }
            else if (part.StartsWith('{'))
            {
                problem ??= $"--path-template names {part}; it takes {string.Join(' ', Patterns.Keys)}.";
            }
            else
            {
                pattern.Append(Regex.Escape(part));
            }
        }

        problem ??= known.IsSupersetOf(["{YYYY}", "{MM}", "{DD}"])
            ? null
            : "--path-template names no {YYYY}, {MM} and {DD}: paths without a day leave no file out.";
        return problem is null ? new PathTemplate(new Regex(pattern.ToString(), RegexOptions.NonBacktracking)) : null;
    }

    /// <summary>
    /// Whether a file may hold something of the range: true where its path is not made so, or its time is at most a day after the range.
    /// </summary>
    public bool MayHold(string path, ReplayRange range)
    {
        ArgumentNullException.ThrowIfNull(range);
        var match = _path.Match(path);
        if (!match.Success
            || !DateTime.TryParseExact(
                $"{match.Groups["year"].Value}{match.Groups["month"].Value}{match.Groups["day"].Value}",
                "yyyyMMdd",
                CultureInfo.InvariantCulture,
                DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal,
                out var begin))
        {
            return true;
        }

        // Without an hour, or a minute, it may be any of them.
        var end = begin.AddDays(1);
        if (match.Groups["hour"].Success)
        {
            begin = begin.AddHours(Number("hour"));
            end = begin.AddHours(1);
            if (match.Groups["minute"].Success)
            {
                begin = begin.AddMinutes(Number("minute"));
                end = begin.AddMinutes(1);
            }
        }

        return end + EarliestFile > range.From && (range.To is not { } to || begin - LatestFile < to);

        int Number(string group) => int.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture);
    }
}
