using System.Text;
using System.Text.Json;
using Ingest.Columns.Types;

namespace Ingest.Columns;

/// <summary>
/// Brings JSON text into the canonical form of <see cref="JsonbValue"/>: names in the order of their bytes, of repeated names the last, no
/// white space, the fewest escapes, one notation a number. Works without recursion, so that nesting cannot exhaust the stack. Not thread-safe.
/// </summary>
internal sealed class JsonbCanonicalizer : IComparer<JsonbCanonicalizer.Member>, IDisposable
{
    private static readonly JsonReaderOptions Options = new() { MaxDepth = int.MaxValue };

    private readonly PooledBuffer<byte> _text = new();
    private readonly PooledBuffer<byte> _scratch = new();
    private readonly PooledBuffer<Member> _members = new();
    private readonly PooledBuffer<Container> _open = new();
    private int _scratchStart;

    // What the server writes besides the canonical text: all the digits of a number, and a space after each comma and colon.
    private long _expansion;

    /// <summary>Bytes of the last value when the server writes it out: a number such as <c>1e9999</c> then has all its digits.</summary>
    public long WrittenLength { get; private set; }

    public ValueFault TryCanonicalize(ReadOnlySpan<byte> json, out JsonbValue value)
    {
        try
        {
            _expansion = 0;
            var fault = Write(json);
            WrittenLength = _text.Count + _expansion;
            value = fault == ValueFault.None ? new JsonbValue(Encoding.UTF8.GetString(_text.Span)) : default;
            return fault;
        }
        catch (JsonException)
        {
            value = default;
            return ValueFault.NotJson;
        }
        finally
        {
            // A value can be as large as a body, and most are small: nothing is kept between them.
            Dispose();
        }
    }

    public void Dispose()
    {
        _text.Dispose();
        _scratch.Dispose();
        _members.Dispose();
        _open.Dispose();
    }

    private ValueFault Write(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, Options);
        while (reader.Read())
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.StartObject:
                    Open('{');
                    continue;
                case JsonTokenType.StartArray:
                    Open('[');
                    continue;
                case JsonTokenType.PropertyName:
                    var name = _text.Count;
                    if (AppendString(ref reader) is not ValueFault.None and var nameFault)
                    {
                        return nameFault;
                    }

                    _members.Append(new Member(name, _text.Count, 0, _expansion));
                    _text.Append((byte)':');
                    _expansion++;
                    continue;
                case JsonTokenType.EndObject:
                    CloseObject();
                    break;
                case JsonTokenType.EndArray:
                    DropComma();
                    _text.Append((byte)']');
                    _open.RemoveLast();
                    break;
                case JsonTokenType.String:
                    if (AppendString(ref reader) is not ValueFault.None and var stringFault)
                    {
                        return stringFault;
                    }

                    break;
                case JsonTokenType.Number:
                    var number = new JsonNumber(reader.ValueSpan);
                    if (!number.FitsNumeric)
                    {
                        return ValueFault.OutOfRange;
                    }

                    var start = _text.Count;
                    number.AppendCanonical(_text);
                    _expansion += number.WrittenLength - (_text.Count - start);
                    break;
                default:
                    _text.AppendRange(reader.ValueSpan);
                    break;
            }

            EndValue();
        }

        return ValueFault.None;
    }

    private void Open(char bracket)
    {
        _open.Append(new Container(_text.Count + 1, _members.Count, bracket == '{'));
        _text.Append((byte)bracket);
    }

    // Every member and element ends in a comma; the last one is dropped when its container closes.
    private void EndValue()
    {
        if (_open.Count == 0)
        {
            return;
        }

        if (_open.Span[^1].IsObject)
        {
            ref var member = ref _members.Span[^1];
            member = member with { End = _text.Count, Expansion = _expansion - member.Expansion };
        }

        _text.Append((byte)',');
        _expansion++;
    }

    private void CloseObject()
    {
        var (start, firstMember, _) = _open.Span[^1];
        var members = _members.Span[firstMember..];
        if (!InOrder(members))
        {
            // Only this object's text: copying all that came before it would cost the square of a body of many small objects.
            _scratch.Clear();
            _scratch.AppendRange(_text.Span[start..]);
            _scratchStart = start;
            members.Sort(this);
            _text.Truncate(start);
            for (var i = 0; i < members.Length; i++)
            {
                if (i + 1 == members.Length || !Name(members[i]).SequenceEqual(Name(members[i + 1])))
                {
                    _text.AppendRange(_scratch.Span[(members[i].Name - start)..(members[i].End - start)]);
                    _text.Append((byte)',');
                }
                else
                {
                    _expansion -= members[i].Expansion + 1;
                }
            }
        }

        DropComma();
        _text.Append((byte)'}');
        _members.Truncate(firstMember);
        _open.RemoveLast();
    }

    private bool InOrder(ReadOnlySpan<Member> members)
    {
        for (var i = 1; i < members.Length; i++)
        {
            var (previous, next) = (members[i - 1], members[i]);
            if (_text.Span[previous.Name..previous.NameEnd].SequenceCompareTo(_text.Span[next.Name..next.NameEnd]) >= 0)
            {
                return false;
            }
        }

        return true;
    }

    private Span<byte> Name(Member member) => _scratch.Span[(member.Name - _scratchStart)..(member.NameEnd - _scratchStart)];

    // Of equal names the earlier goes first, so that the last one is the one that stays.
    int IComparer<Member>.Compare(Member x, Member y)
    {
        var byName = Name(x).SequenceCompareTo(Name(y));
        return byName != 0 ? byName : x.Name.CompareTo(y.Name);
    }

    private void DropComma()
    {
        if (_text.Span[^1] == (byte)',')
        {
            _text.RemoveLast();
            _expansion--;
        }
    }

    private ValueFault AppendString(ref Utf8JsonReader reader)
    {
        _text.Append((byte)'"');
        if (!reader.ValueIsEscaped)
        {
            _text.AppendRange(reader.ValueSpan);
        }
        else
        {
            _scratch.Clear();
            if (!JsonEscapes.TryUnescape(reader.ValueSpan, _scratch.Extend(reader.ValueSpan.Length), out var length))
            {
                return ValueFault.LoneSurrogate;
            }

            var text = _scratch.Span[..length];
            if (text.Contains((byte)0))
            {
                return ValueFault.Nul;
            }

            JsonEscapes.AppendEscaped(_text, text);
        }

        _text.Append((byte)'"');
        return ValueFault.None;
    }

    /// <summary>
    /// A member of an object that is still open: where its name begins and ends and its value ends in the text, and what the server writes of it
    /// besides (until its end: what it had written before it).
    /// </summary>
    internal readonly record struct Member(int Name, int NameEnd, int End, long Expansion);

    private readonly record struct Container(int Start, int FirstMember, bool IsObject);
}
