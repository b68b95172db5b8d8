using Ingest.Columns;
using Ingest.Columns.Types;
using Ingest.Events;

namespace Ingest.Decode;

/// <summary>
/// Decodes one message after the other into columns: whose it is, its body, and each reading of the body (<see cref="BodyDecoder"/>). Not
/// thread-safe.
/// </summary>
internal sealed class EventDecoder : IDisposable
{
    private readonly PooledBuffer<byte> _inflated = new();
    private readonly ValueScratch _scratch = new();
    private readonly DeviceRule _device;
    private readonly ReadingValues _values;
    private readonly NarrowRows? _narrow;
    private readonly BodyDecoder _body;

    public EventDecoder(TelemetryMapping mapping, BodyDeviceRules devices)
    {
        _device = new DeviceRule(devices, _scratch);
        var time = new TimeRule(mapping.Time, _scratch);
        _values = new ReadingValues(mapping, _scratch);
        _narrow = mapping.IsNarrow ? new NarrowRows(mapping, _scratch) : null;
        _body = new BodyDecoder(mapping, new ReadingDecoder(mapping, _values, _device, time, _narrow, _scratch), _scratch);
    }

    /// <summary>Gives the buffers back. The decoder can be used again.</summary>
    public void Dispose()
    {
        _scratch.Dispose();
        _inflated.Dispose();
        _values.BeginMessage(null);
    }

    /// <param name="message">The message.</param>
    /// <param name="eventIndex">Its index in the batch.</param>
    /// <param name="stamp">Its stamp, floored; of no meaning where the readings have a time of their own.</param>
    /// <param name="bounds">Between which times readings are stored.</param>
    /// <param name="output">Takes its readings and rejections.</param>
    public void Decode(RawEvent message, int eventIndex, Instant stamp, in TimeBounds bounds, ref DecoderOutput output)
    {
        if (!_device.TryOfHub(message, out var device, out var fault))
        {
            output.Reject(fault);
            return;
        }

        if (MessageBody.Open(message, _inflated, out var body, out var detail) is { } refused)
        {
            output.Reject(new(refused, detail));
            return;
        }

        _values.BeginMessage(_narrow?.Places ?? output.Readings);
        _narrow?.BeginMessage(output.Readings);
        _body.Decode(body, new MessageContext(message, eventIndex, stamp, bounds, device), ref output);
    }
}

/// <summary>What the readings of a message share.</summary>
/// <param name="Message">The message.</param>
/// <param name="EventIndex">Its index in the batch.</param>
/// <param name="Stamp">Its stamp.</param>
/// <param name="Bounds">Between which times readings are stored.</param>
/// <param name="Device">Who the hub authenticated; null where it named none and the body may.</param>
internal readonly record struct MessageContext(RawEvent Message, int EventIndex, Instant Stamp, TimeBounds Bounds, string? Device);
