using System.Text;

namespace Ingest.TestSupport.Fuzzing;

/// <summary>
/// Bodies that are nearly right: a corpus of ordinary and odd ones, cut, joined and damaged. The same seed gives the same bodies.
/// </summary>
public sealed class BodyMutator(int seed)
{
    private static readonly byte[][] Corpus =
    [
        .. new[]
        {
            """{"device":"dev-1","temperature":21.53,"humidity":45.1}""",
            """{"temperature":-0.0,"humidity":1e-7,"count":1e3,"small":-5,"on":true,"site":"north","at":"2026-03-04T05:06:07.891234Z"}""",
            """[{"temperature":1},{"temperature":2.5,"place":{"floor":3,"room":{"name":"a"}}},{"humidity":null}]""",
            """{"place":{"floor":1},"place":{"room":{"name":"x"}},"data":{"b":[1,2,{"c":null}],"a":1.50}}""",
            """{"temp\u0065rature":3,"site":"gr\u00f6\u00dfe \ud83d\ude00","data":"\ud83d\ude00\u0001"}""",
            """{"temperature":"warm","humidity":[1],"count":1.5,"small":99999999999,"on":"true","site":7,"at":"yesterday"}""",
            """{"site":"a\u0000b","data":{"a\u0000":1},"x":"\ud800"}""",
            """{"data":[1e400,-1e-400,12345678901234567890123456789,0.1000,1E+2,0e99999],"count":9223372036854775807,"real":3.4e38}""",
            """{"data":{"z":1,"a":2,"z":{"y":3,"b":4},"":5},"temperature":1e400}""",
            "{\"temperature\":1}\n{\"temperature\":2,\"humidity\":3}\n[{\"humidity\":4}]", """{"Temperature":1,"HUMIDITY":2}""",
            """{"metrics":[{"temperature":1,"list":[7,{"v":2}]},{"humidity":2}],"site":"north","ts":1772600767.5,"deviceId":"dev-1"}""",
            """{"metrics":[],"site":null}""", """{"sensor.temperature":"21.5","list":[{"v":1},{"v":"x"}],"on":1,"count":"7","site":4}""",
            """{"Body":{"temperature":1},"SystemProperties":{"connectionDeviceId":"dev-2","enqueuedTime":"2026-03-04T00:00:00Z"}}""",
            """{"Body":"eyJ0ZW1wZXJhdHVyZSI6MjEuNX0=","Properties":{"site":"north"}}""",
            """[{"specversion":"1.0","type":"t","subject":"devices/d","data":{"temperature":1}},{"data_base64":"e30="}]""",
            """{"eventType":"Microsoft.Devices.DeviceTelemetry","data":{"body":"eyJodW1pZGl0eSI6MX0=","systemProperties":{"a":"b"}}}""",
            "[]", "{}", "null", "[[[[[[]]]]]]", " \t\r\n{ } ", """[1,"x",null,true,{},[]]""", """{"device":"other"}""", """{"device":5}""",
            """{"deep":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}""",
        }.Select(Encoding.UTF8.GetBytes),
    ];

    private static readonly byte[][] Fragments =
    [
        .. new[]
        {
            "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u0000", "\\ud800", "\\udc00", "\\u0041", "null", "true", "1e999", "-", "0", "1.0",
            ".5", "e5",
            "\"temperature\":", "\"humidity\":", "\"place\":{", "\"floor\":", "\"data\":", "\"device\":\"dev-1\"", "//", "/*", "é", "😀",
            "\0", "\u001f", "\u2028", "\ufeff",
            "\n{\"humidity\":1}", "\"metrics\":[", "\"Body\":", "\"data\":{\"body\":", "\"list\":[", "\"ts\":", "\"e30=\"",
            "\"count\":1e18", "{\"temperature\":1}", "\"at\":\"2026-02-30T00:00:00Z\"", "[[[[[[[[[[[[[[[[", "]]]]]]]]]]]]]]]]",
            "99999999999999999999", "\"x\":",
        }.Select(Encoding.UTF8.GetBytes),
        [0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82],
    ];

    private readonly Random _random = new(seed);

    /// <summary>The next body: one in eight unharmed, the others with one to four changes.</summary>
    public byte[] Next()
    {
        var body = new List<byte>(Corpus[_random.Next(Corpus.Length)]);
        var changes = _random.Next(8) == 0 ? 0 : 1 + _random.Next(4);
        for (var i = 0; i < changes; i++)
        {
            Change(body);
        }

        return [.. body];
    }

    private void Change(List<byte> body)
    {
        var at = _random.Next(body.Count + 1);
        var length = _random.Next(Math.Min(12, body.Count - at) + 1);
        switch (_random.Next(7))
        {
            case 0:
                body.InsertRange(at, Fragments[_random.Next(Fragments.Length)]);
                break;
            case 1:
                body.RemoveRange(at, length);
                body.InsertRange(at, Fragments[_random.Next(Fragments.Length)]);
                break;
            case 2:
                body.RemoveRange(at, length);
                break;
            case 3:
                body.InsertRange(at, body.GetRange(at, length));
                break;
            case 4 when at < body.Count:
                body[at] ^= (byte)(1 << _random.Next(8));
                break;
            case 5 when at < body.Count:
                body[at] = (byte)_random.Next(256);
                break;
            default:
                var other = Corpus[_random.Next(Corpus.Length)];
                var from = _random.Next(other.Length);
                body.InsertRange(at, other[from..(from + _random.Next(other.Length - from + 1))]);
                break;
        }
    }
}
