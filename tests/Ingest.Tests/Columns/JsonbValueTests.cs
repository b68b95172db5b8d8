using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;
using Ingest.Columns;
using Xunit;

namespace Ingest.Tests.Columns;

public sealed class JsonbValueTests
{
    [Theory]
    [InlineData("{\"a\":1,\"b\":2}", "{ \"b\" : 2.0, \"a\" : 1e0 }")]
    [InlineData("{\"a\":2}", "{\"a\":1,\"a\":2}")]
    [InlineData("{\"a\":{\"x\":1}}", "{\"a\":{\"y\":9},\"a\":{\"x\":1}}")]
    [InlineData("{\"a\":1,\"b\":3,\"c\":4}", "{\"c\":0,\"b\":3,\"\\u0061\":1,\"c\":4}")]
    [InlineData("\"A/\\n\"", "\"\\u0041\\/\\u000a\"")]
    [InlineData("\"😀\"", "\"\\ud83d\\uDE00\"")]
    [InlineData("\"\\\"\\\\\"", "\"\\u0022\\u005c\"")]
    [InlineData("0", "-0.00e5")]
    [InlineData("0", "0e-99999999999999999999")]
    [InlineData("100", "1e2")]
    [InlineData("100", "1.000E+2")]
    [InlineData("0.015", "15e-3")]
    [InlineData("-12.5", "-0.125e2")]
    [InlineData("1e50", "100000000000000000000000000000000000000000000000000")]
    [InlineData(
        "123456789012345678901234567890.123456789012345678901234567890", "123456789012345678901234567890.12345678901234567890123456789")]
    [InlineData("[]", " [ ] ")]
    [InlineData("[[],{},[1,[2]]]", "[[],{},[1.0,[2]]]")]
    [InlineData("{\"\":1}", "{\"\":0,\"\":1}")]
    public void Values_that_jsonb_calls_equal_are_equal(string one, string two) =>
        Assert.Equal(JsonbValue.FromText(one), JsonbValue.FromText(two));

    [Theory]
    [InlineData("[1,2]", "[2,1]")]
    [InlineData("{\"a\":1}", "{\"A\":1}")]
    [InlineData("1", "\"1\"")]
    [InlineData("null", "\"null\"")]
    [InlineData("0", "false")]
    [InlineData("{}", "[]")]
    [InlineData("1e16383", "1e16384")]
    [InlineData("0.1000000000000000000000000000000000001", "0.1")]
    [InlineData("9007199254740993", "9007199254740992")]
    [InlineData("\"é\"", "\"e\u0301\"")]
    [InlineData("\"a,\"", "\"a\"")]
    public void Values_that_jsonb_calls_different_are_different(string one, string two) =>
        Assert.NotEqual(JsonbValue.FromText(one), JsonbValue.FromText(two));

    [Theory]
    [InlineData("{\"b\":[1.50,\"\\u0001\"],\"a\":null}", "{\"a\":null,\"b\":[1.5,\"\\u0001\"]}")]
    [InlineData("1e39", "1000000000000000000000000000000000000000")]
    [InlineData("1e40", "1e40")]
    [InlineData("-1.50e40", "-15e39")]
    [InlineData("1e-20", "0.00000000000000000001")]
    [InlineData("1e-21", "1e-21")]
    [InlineData("12.5e-21", "125e-22")]
    [InlineData("10.50", "10.5")]
    public void The_canonical_form_is_readable_JSON(string text, string canonical) =>
        Assert.Equal(canonical, JsonbValue.FromText(text).Canonical);

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[1] 2")]
    [InlineData("\"\\u0000\"")]
    [InlineData("\"\\ud800\"")]
    [InlineData("1e131072")]
    [InlineData("-1e131072")]
    [InlineData("1e-16384")]
    [InlineData("1e999999999999999999999")]
    public void What_jsonb_cannot_hold_is_refused(string text) => Assert.Throws<FormatException>(() => JsonbValue.FromText(text));

    [Fact]
    public void Numbers_up_to_the_ends_of_numeric_are_taken()
    {
        Assert.Equal("1e131071", JsonbValue.FromText("1e131071").Canonical);
        Assert.Equal("1e-16383", JsonbValue.FromText("1e-16383").Canonical);
        Assert.Equal(JsonbValue.FromText("1"), JsonbValue.FromText("1." + new string('0', 20_000)));
        Assert.Equal(JsonbValue.FromText("1e131071"), JsonbValue.FromText("1" + new string('0', 131_071)));
    }

    [Fact]
    public void Nesting_of_any_depth_is_taken()
    {
        var text = new string('[', 100_000) + new string(']', 100_000);

        Assert.Equal(text, JsonbValue.FromText(text).Canonical);
    }

    [Fact]
    public void Many_small_objects_with_names_out_of_order_cost_no_more_than_their_length()
    {
        var text = "[" + string.Join(",", Enumerable.Repeat("""{"b":1,"a":2}""", 70_000)) + "]";
        var before = GC.GetAllocatedBytesForCurrentThread();
        var value = JsonbValue.FromText(text);

        Assert.Equal(text.Length, value.Canonical.Length);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 40L * text.Length);
    }

    [Fact]
    public void Any_value_written_in_any_way_has_one_canonical_form_that_means_the_same()
    {
        Gen.Select(Value(3), Gen.Int).Sample(
            (value, seed) =>
            {
                var (one, two) = (Write(value, new Random(seed)), Write(value, new Random(seed + 1)));
                var canonical = JsonbValue.FromText(one);
                return canonical == JsonbValue.FromText(two)
                    && canonical == JsonbValue.FromText(canonical.Canonical)
                    && JsonNode.DeepEquals(JsonNode.Parse(canonical.Canonical), JsonNode.Parse(Plain(value)));
            },
            iter: 5_000);
    }

    [Fact]
    public void Two_numbers_are_equal_exactly_where_their_values_are()
    {
        var number = Gen.Select(Gen.Int[-200, 200], Gen.Int[0, 3], Gen.Int[-3, 3]);
        Gen.Select(number, number).Sample(
            (one, two) => (Rational(one) == Rational(two)) == (JsonbValue.FromText(Text(one)) == JsonbValue.FromText(Text(two))),
            iter: 20_000);

        static string Text((int Digits, int Places, int Exponent) number)
        {
            var digits = Math.Abs(number.Digits).ToString(CultureInfo.InvariantCulture).PadLeft(number.Places + 1, '0');
            var (sign, places) = (number.Digits < 0 ? "-" : "", number.Places > 0 ? "." + digits[^number.Places..] : "");
            return $"{sign}{digits[..^number.Places]}{places}e{number.Exponent}";
        }

        static BigInteger Rational((int Digits, int Places, int Exponent) number) =>
            number.Digits * BigInteger.Pow(10, 10 + number.Exponent - number.Places);
    }

    // object?: null, bool, (mantissa, power) for a number, string, list, or members in order without repetition.
    private static Gen<object?> Value(int depth)
    {
        var text = Gen.String[Gen.OneOf(Gen.Char['a', 'e'], Gen.Int[0, 7].Select(i => "\"\\/\n\u0001é\u2028\u007f"[i])), 0, 6];
        var scalar = Gen.OneOf(
            Gen.Const((object?)null),
            Gen.Bool.Select(value => (object?)value),
            Gen.Select(Gen.Long[-999_999, 999_999], Gen.Int[-5, 5]).Select(value => (object?)value),
            text.Select(value => (object?)value));
        return depth == 0 ? scalar : Gen.OneOf(
            scalar,
            Value(depth - 1).List[0, 4].Select(value => (object?)value),
            Gen.Dictionary(text, Value(depth - 1))[0, 5].Select(value => (object?)value));
    }

    /// <summary>
    /// The value as JSON, with white space, escapes, repeated names, order and notation as <paramref name="random"/> would have them.
    /// </summary>
    private static string Write(object? value, Random random) => Space(random) + value switch
    {
        null => "null",
        bool truth => truth ? "true" : "false",
        ValueTuple<long, int> number => Number(number, random),
        string text => Text(text, random),
        List<object?> items => "[" + string.Join(",", items.Select(item => Write(item, random))) + Space(random) + "]",
        Dictionary<string, object?> members => "{" + string.Join(",", Members(members, random)) + Space(random) + "}",
        _ => throw new InvalidOperationException(value.GetType().Name),
    } + Space(random);

    private static IEnumerable<string> Members(Dictionary<string, object?> members, Random random)
    {
        var names = members.Keys.ToArray();
        random.Shuffle(names);
        var written = names.Select(name => $"{Text(name, random)}{Space(random)}:{Write(members[name], random)}");
        var repeated = names.Where(_ => random.Next(4) == 0).Select(name => $"{Text(name, random)}:{random.Next()}").ToArray();
        return repeated.Concat(written);
    }

    private static string Number((long Mantissa, int Power) number, Random random)
    {
        var zeros = random.Next(4);
        var digits = $"{number.Mantissa}{new string('0', zeros)}";
        var power = number.Power - zeros;
        return random.Next(3) switch
        {
            0 => $"{digits}e{power}",
            1 => $"{digits}.{new string('0', 1 + random.Next(3))}E{(power < 0 ? "" : "+")}{power}",
            _ => $"{number.Mantissa}e{number.Power}",
        };
    }

    private static string Text(string text, Random random)
    {
        var result = new StringBuilder("\"");
        foreach (var unit in text)
        {
            result.Append(random.Next(3) == 0 || unit < ' ' || unit is '"' or '\\' ? $"\\u{(int)unit:X4}" : unit.ToString());
        }

        return result.Append('"').ToString();
    }

    private static string Space(Random random) => random.Next(3) == 0 ? " \t" : "";

    private static string Plain(object? value) => value switch
    {
        null => "null",
        bool truth => truth ? "true" : "false",
        ValueTuple<long, int> number => $"{number.Item1}e{number.Item2}",
        string text => JsonSerializer.Serialize(text),
        List<object?> items => "[" + string.Join(",", items.Select(Plain)) + "]",
        Dictionary<string, object?> members =>
            "{" + string.Join(",", members.Select(member => $"{JsonSerializer.Serialize(member.Key)}:{Plain(member.Value)}")) + "}",
        _ => throw new InvalidOperationException(value.GetType().Name),
    };
}
