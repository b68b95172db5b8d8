using System.Globalization;
using System.Text;

namespace Ingest.Decode.Places;

/// <summary>Reads the steps of a place in a body: JSONPath without filters. Says where it cannot go on.</summary>
internal sealed class PlaceParser(string text, int start, bool takesEvery)
{
    private const int LargestIndex = 999_999;
    private const string Forms = "Write a.b, a[0].b or ['a.b'], with $. in front where it starts at the body's root.";

    private readonly List<PlaceStep> _steps = [];
    private int _at = start;

    /// <summary>What is wrong, as the end of a sentence that begins with the text.</summary>
    public string? Fault { get; private set; }

    private bool IsAtEnd => _at >= text.Length;

    public bool TryParse(out bool fromRoot, out IReadOnlyList<PlaceStep> steps)
    {
        steps = _steps;
        fromRoot = text.AsSpan(_at) is ['$'] or ['$', '.' or '[', ..];
        if (fromRoot)
        {
            _at++;
        }
        else if (!IsAtEnd && text[_at] == '[')
        {
            return TakeSteps();
        }
        else if (!TakeName())
        {
            return false;
        }

        return IsAtEnd && _steps.Count == 0
            ? Fail("only $ is there. For the whole body name a Telemetry:PayloadColumn, or the place in it.")
            : TakeSteps();
    }

    private bool TakeSteps()
    {
        while (!IsAtEnd)
        {
            switch (text[_at])
            {
                case '.':
                    _at++;
                    if (!TakeName())
                    {
                        return false;
                    }

                    break;
                case '[':
                    _at++;
                    if (!TakeBrackets())
                    {
                        return false;
                    }

                    break;
                default:
                    return Fail($"a dot or a bracket is expected. {Forms}");
            }
        }

        return true;
    }

    private bool TakeName()
    {
        var length = text.AsSpan(_at).IndexOfAny(".[]:*");
        length = length < 0 ? text.Length - _at : length;
        var end = _at + length;
        if (length == 0)
        {
            return !IsAtEnd && text[_at] == '*'
                ? FailAtStar()
                : Fail($"a name is missing. {Forms}");
        }

        if (text[_at] == '$')
        {
            return Fail($"$ is the body's root. Write ['{text[_at..end]}'] for a name that begins with it.");
        }

        if (end < text.Length && text[end] is ':' or ']' or '*')
        {
            _at = end;
            return text[end] == ':'
                ? Fail("only property: and annotation: stand before a colon. A name with a colon in it is written ['a:b'].")
                : Fail($"a name that holds it is written in brackets, as in ['a.b']. {Forms}");
        }

        _steps.Add(new PlaceStep(text[_at..end], 0));
        _at = end;
        return true;
    }

    private bool TakeBrackets()
    {
        if (!IsAtEnd && text[_at] is '\'' or '"')
        {
            return TakeQuoted(text[_at]) && TakeClosing();
        }

        if (!IsAtEnd && text[_at] == '*')
        {
            if (!takesEvery)
            {
                return FailAtStar();
            }

            _at++;
            _steps.Add(new PlaceStep(null, PlaceStep.Every));
            return TakeClosing();
        }

        var length = text.AsSpan(_at).IndexOfAnyExceptInRange('0', '9');
        length = length < 0 ? text.Length - _at : length;
        if (!int.TryParse(text.AsSpan(_at, length), NumberStyles.None, CultureInfo.InvariantCulture, out var index) || index > LargestIndex)
        {
            return Fail(
                $"in brackets stands an element's index from 0 to {LargestIndex} or a name in quotes, and no filter. {Forms}");
        }

        _at += length;
        _steps.Add(new PlaceStep(null, index));
        return TakeClosing();
    }

    private bool TakeQuoted(char quote)
    {
        var name = new StringBuilder();
        for (_at++; !IsAtEnd && text[_at] != quote; _at++)
        {
            if (text[_at] == '\\' && _at + 1 < text.Length && text[_at + 1] is '\\' or '\'' or '"')
            {
                _at++;
            }

            name.Append(text[_at]);
        }

        if (IsAtEnd)
        {
            return Fail($"the closing {quote} is missing. {Forms}");
        }

        _at++;
        _steps.Add(new PlaceStep(name.ToString(), 0));
        return true;
    }

    private bool TakeClosing()
    {
        if (IsAtEnd || text[_at] != ']')
        {
            return Fail($"the closing bracket is missing. {Forms}");
        }

        _at++;
        return true;
    }

    private bool FailAtStar() => Fail("a place is one value. What repeats is named by Telemetry:Readings, such as metrics[*].");

    private bool Fail(string what)
    {
        Fault = string.Create(CultureInfo.InvariantCulture, $"cannot be read at character {_at + 1}: {what}");
        return false;
    }
}
