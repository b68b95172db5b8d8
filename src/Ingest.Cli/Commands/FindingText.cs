using System.Globalization;
using Ingest.Audit;

namespace Ingest.Cli.Commands;

/// <summary>A finding of an audit as a line.</summary>
internal static class FindingText
{
    /// <param name="finding">What was found.</param>
    /// <param name="ofArchive">Whether the messages are an archive's.</param>
    public static string Of(AuditFinding finding, bool ofArchive)
    {
        var what = finding.Fault switch
        {
            AuditFault.Missing => finding.Reason is { } reason ? $"dead letter missing ({reason})" : "missing",
            AuditFault.Different => "different",
            _ => "row without a message",
        };
        var where = finding.Source is null
            ? ""
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{(ofArchive ? "file" : "partition")} {finding.Partition}, {(ofArchive ? "record" : "sequence number")} "
                    + $"{finding.SequenceNumber}{Element(finding)}: ");
        var metric = finding.Metric is null ? "" : $", {finding.Metric}";
        var time = finding.Time is { } stamp ? stamp.ToString("yyyy-MM-ddTHH:mm:ss.ffffffZ", CultureInfo.InvariantCulture) : "no stamp";
        return $"{what}: {where}{time}, {finding.Device ?? "no device"}{metric}{Values(finding)}";
    }

    private static string Element(AuditFinding finding) =>
        finding.Element is >= 0 and var element ? string.Create(CultureInfo.InvariantCulture, $", element {element}") : "";

    private static string Values(AuditFinding finding) => finding switch
    {
        { Sent: { } sent, Stored: { } stored } => Differences(sent, stored),
        { Sent: { } sent } => $"; sent {List(sent)}",
        { Stored: { } stored } => $"; stored {List(stored)}",
        _ => "",
    };

    private static string Differences(IReadOnlyDictionary<string, string?> sent, IReadOnlyDictionary<string, string?> stored)
    {
        var unequal = sent.Where(value => stored.GetValueOrDefault(value.Key) != value.Value).ToLookup(
            value => stored.GetValueOrDefault(value.Key) == ReadingAudit.UnreadJson);

        // A jsonb value is not read back: it is what differs if nothing else does.
        return "; " + string.Join(
            ", ",
            (unequal[false].Any() ? unequal[false] : unequal[true]).Select(
                value => $"{value.Key}: sent {value.Value ?? "NULL"}, stored {stored.GetValueOrDefault(value.Key) ?? "NULL"}"));
    }

    private static string List(IReadOnlyDictionary<string, string?> values) =>
        string.Join(", ", values.Select(value => $"{value.Key} {value.Value ?? "NULL"}"));
}
