using System.Text;
using System.Text.Json;
using Ingest.Columns;
using Ingest.Columns.Types;
using Ingest.Decode.Places;
using Ingest.Events;
using Ingest.Settings;

namespace Ingest.Decode;

/// <summary>
/// Whose a reading is: of the device that the hub authenticated; where that one may speak for others, or the hub names none, of the one
/// that the message names. Not thread-safe.
/// </summary>
internal sealed class DeviceRule(BodyDeviceRules rules, ValueScratch scratch)
{
    // UTF-8 needs at most three bytes per UTF-16 unit.
    private const int MostBytes = DeviceNames.Longest * 3;

    private readonly StringCache _names = new();
    private readonly string _field = rules.From?.ToString() ?? "";
    private BodyDevice _inBody;
    private object? _besideBody;

    /// <summary>The device that the hub authenticated; null where it named none and the message may.</summary>
    /// <returns>False where the message is rejected whole.</returns>
    public bool TryOfHub(RawEvent message, out string? device, out ReadingFault fault)
    {
        device = null;
        fault = default;
        _besideBody = rules.From is { Kind: not PlaceKind.Body } from ? MessageFields.Find(message, from) : null;
        if (string.IsNullOrEmpty(message.DeviceId))
        {
            fault = new(RejectReason.DeviceMissing, "The hub named no device, and Telemetry:AllowBodyDevice is off.");
            return rules.WhereHubNamesNone;
        }

        device = _names.Find(message.DeviceId);
        if (device is not null)
        {
            return true;
        }

        if (DeviceNames.Check(message.DeviceId) is { } reason)
        {
            fault = new(reason, Detail(reason, message.DeviceId));
            return false;
        }

        device = _names.Keep(message.DeviceId);
        return true;
    }

    public void BeginReading() => _inBody = default;

    /// <summary>Takes the value of the body's place that names a device, as the reader has just met it.</summary>
    /// <param name="reader">Where it stands.</param>
    /// <param name="start">Where in the body it begins.</param>
    /// <param name="end">Where it ends, if it is a string.</param>
    /// <param name="isPath">Whether it is an object that mapped values are in, and so no name.</param>
    public void Take(ref Utf8JsonReader reader, int start, int end, bool isPath) =>
        _inBody = isPath || reader.TokenType == JsonTokenType.Null ? default
            : new BodyDevice(reader.TokenType, start, end - start, reader.ValueIsEscaped);

    /// <summary>
    /// Settles whose the reading is: <paramref name="device"/> is who the hub authenticated, and becomes the row's device.
    /// </summary>
    /// <returns>False where it is rejected.</returns>
    public bool TrySettle(ReadOnlySpan<byte> body, ref string? device, bool countsOnly, out ReadingFault fault)
    {
        fault = default;
        if (_inBody.IsThere)
        {
            var found = SettleByBody(body, ref device, countsOnly);
            fault = found.GetValueOrDefault();
            return found is null;
        }

        if (_besideBody is not null)
        {
            var found = SettleBeside(_besideBody, ref device, countsOnly);
            fault = found.GetValueOrDefault();
            return found is null;
        }

        if (device is null)
        {
            fault = new(RejectReason.DeviceMissing, $"Neither the hub nor the message ({_field}) names a device.");
        }

        return device is not null;
    }

    /// <summary>Brings the device into the form that the table's column gives back: uuids are equal in any case of their digits.</summary>
    /// <returns>False where the column cannot hold it.</returns>
    public bool TryFit(ref string? device, bool countsOnly, out ReadingFault fault)
    {
        fault = default;
        if (!rules.AreUuids)
        {
            return true;
        }

        if (!Guid.TryParseExact(device, "D", out var uuid))
        {
            fault = new(
                RejectReason.DeviceInvalid,
                countsOnly ? "" : $"The device's name is no uuid, which Telemetry:DeviceType asks for: {RejectionText.Quote(device!)}");
            return false;
        }

        device = device.AsSpan().ContainsAnyInRange('A', 'F') ? uuid.ToString() : device;
        return true;
    }

    /// <returns>Why it is rejected, or null.</returns>
    private ReadingFault? SettleByBody(ReadOnlySpan<byte> body, ref string? device, bool countsOnly)
    {
        var json = body.Slice(_inBody.Start, _inBody.Length);
        if (_inBody.Token != JsonTokenType.String)
        {
            return WrongType(countsOnly ? "" : RejectionText.Token(json), countsOnly);
        }

        var name = json[1..^1];
        if (_inBody.IsEscaped)
        {
            if (!scratch.TryUnescape(name, out var unescaped))
            {
                return new(
                    RejectReason.DeviceInvalid,
                    countsOnly ? "" : $"{_field} holds half of a surrogate pair: {RejectionText.Value(json)}");
            }

            name = unescaped;
        }

        if (device is not null && IsSame(name, device))
        {
            return null;
        }

        if (device is not null && !rules.Gateways.Contains(device))
        {
            return Mismatch(countsOnly ? "" : RejectionText.Value(json), device, countsOnly);
        }

        if (name.Length > MostBytes)
        {
            return new(
                RejectReason.DeviceTooLong,
                countsOnly
                    ? ""
                    : $"The device's name has {name.Length} bytes; {DeviceNames.Longest} characters are the most: "
                        + $"{RejectionText.Value(json)}");
        }

        return TakeName(name, out device, countsOnly);
    }

    private ReadingFault? SettleBeside(object value, ref string? device, bool countsOnly)
    {
        if (value is not string name)
        {
            return WrongType(countsOnly ? "" : RejectionText.Value(value), countsOnly);
        }

        if (device is not null && !rules.Gateways.Contains(device))
        {
            return name == device ? null : Mismatch(countsOnly ? "" : RejectionText.Quote(name), device, countsOnly);
        }

        return TakeName(name, out device, countsOnly);
    }

    private ReadingFault WrongType(string value, bool countsOnly) => new(
        RejectReason.WrongType, countsOnly ? "" : RejectionText.WrongType(_field, SqlTypes.Of(ColumnType.Text), value));

    private ReadingFault Mismatch(string value, string device, bool countsOnly) => new(
        RejectReason.DeviceMismatch,
        countsOnly
            ? ""
            : $"The message names the device {value} ({_field}), and the hub authenticated {RejectionText.Quote(device)}, which is not "
                + "listed in Telemetry:Gateways.");

    // A method of its own, like IsSameBeyondAscii: stack space is cleared in every call, and few calls need it.
    private ReadingFault? TakeName(ReadOnlySpan<byte> name, out string? device, bool countsOnly)
    {
        Span<char> text = stackalloc char[MostBytes];
        return TakeName(text[..Encoding.UTF8.GetChars(name, text)], out device, countsOnly);
    }

    private ReadingFault? TakeName(ReadOnlySpan<char> text, out string? device, bool countsOnly)
    {
        device = _names.Find(text);
        if (device is null)
        {
            if (DeviceNames.Check(text) is { } reason)
            {
                return new(reason, countsOnly ? "" : Detail(reason, new string(text)));
            }

            device = _names.Keep(new string(text));
        }

        return null;
    }

    private static bool IsSame(ReadOnlySpan<byte> utf8, string text) => Ascii.Equals(utf8, text) || IsSameBeyondAscii(utf8, text);

    private static bool IsSameBeyondAscii(ReadOnlySpan<byte> utf8, string text)
    {
        Span<byte> other = stackalloc byte[MostBytes];
        return Encoding.UTF8.TryGetBytes(text, other, out var length) && utf8.SequenceEqual(other[..length]);
    }

    private static string Detail(RejectReason reason, string name) => reason switch
    {
        RejectReason.DeviceMissing => "The device's name is empty.",
        RejectReason.DeviceTooLong =>
            $"The device's name has {name.Length} characters; {DeviceNames.Longest} are the most: {RejectionText.Quote(name)}",
        _ => $"The device's name holds a NUL character or half of a surrogate pair: {RejectionText.Quote(name)}",
    };

    /// <summary>Where in the body the field stands.</summary>
    private readonly record struct BodyDevice(JsonTokenType Token, int Start, int Length, bool IsEscaped)
    {
        public bool IsThere => Length > 0;
    }
}
