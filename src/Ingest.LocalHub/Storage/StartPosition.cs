using System.Globalization;
using System.Text.RegularExpressions;
using Amqp;

namespace Ingest.LocalHub.Storage;

/// <summary>
/// Where a reader wants to start, as its selector filter says: <c>amqp.annotation.x-opt-offset &gt; '…'</c> and the like.
/// </summary>
internal readonly partial record struct StartPosition(string Annotation, bool Inclusive, string Value)
{
    public static readonly StartPosition Earliest = new("x-opt-offset", false, "-1");

    private const string Latest = "@latest";

    /// <exception cref="AmqpException">The filter is none that Event Hubs knows.</exception>
    public static StartPosition Parse(string filter)
    {
        var match = Selector().Match(filter);
        return match.Success
            ? new StartPosition(match.Groups["name"].Value, match.Groups["operator"].Value == ">=", match.Groups["value"].Value)
            : throw Refused($"The filter '{filter}' is not a valid amqp filter for EventHub entities");
    }

    /// <summary>The sequence number of the first event to deliver.</summary>
    /// <exception cref="AmqpException">The position lies past the end: it belongs to another incarnation of the hub.</exception>
    public long Resolve(PartitionLog log)
    {
        var state = log.State;
        if (Value == Latest)
        {
            return state.Last + 1;
        }

        if (!long.TryParse(Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value))
        {
            throw Refused($"The filter 'amqp.annotation.{Annotation} > {Value}' is not a valid amqp filter for EventHub entities");
        }

        switch (Annotation)
        {
            case "x-opt-enqueued-time":
                return log.FindTime(value, Inclusive);
            case "x-opt-sequence-number":
                return value <= state.Last
                    ? Inclusive ? value : value + 1
                    : throw Refused(
                        $"The supplied sequence number '{value}' is invalid. The last sequence number in the system is '{state.Last}'");
            default:
                var last = HubOffset.Of(state.Last);
                return value <= last
                    ? Inclusive ? HubOffset.SequenceNumberAtOrAfter(value) : HubOffset.SequenceNumberAfter(value)
                    : throw Refused($"The supplied offset '{value}' is invalid. The last offset in the system is '{last}'");
        }
    }

    private static AmqpException Refused(string description) => new("com.microsoft:argument-error", description);

    [GeneratedRegex(
        @"^\s*amqp\.annotation\.(?<name>x-opt-offset|x-opt-sequence-number|x-opt-enqueued-time)"
        + @"\s*(?<operator>>=?)\s*(?<quote>'?)(?<value>[^'\s]+)\k<quote>\s*$",
        RegexOptions.CultureInvariant)]
    private static partial Regex Selector();
}
