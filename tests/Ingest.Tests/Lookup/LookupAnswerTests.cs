using System.Text.Json.Nodes;
using Ingest.Lookup;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Ingest.Tests.Lookup;

public sealed class LookupAnswerTests
{
    private static readonly LookupResult Found = new LookupResult.Found("itsme", new JsonObject { ["id"] = "itsme", ["floor"] = 3 });

    [Theory]
    [InlineData(null)]
    [InlineData("*/*")]
    [InlineData("application/json")]
    [InlineData("text/html,application/xhtml+xml,*/*;q=0.8")]
    [InlineData("text/plain;q=0.5, application/json")]
    [InlineData("text/plain;q=0")]
    [InlineData("text/plain;;q=nonsense,")]
    public async Task A_found_document_is_json_unless_text_is_preferred(string? accept)
    {
        var answer = await AnswerAsync(Found, accept);

        Assert.Equal(StatusCodes.Status200OK, answer.Status);
        Assert.StartsWith("application/json", answer.ContentType, StringComparison.Ordinal);
        Assert.Equal("""{"id":"itsme","floor":3}""", answer.Body);
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("TEXT/PLAIN")]
    [InlineData("application/json;q=0.5, text/plain")]
    [InlineData("text/plain, application/json")]
    [InlineData("text/plain, */*;q=0.1")]
    public async Task A_caller_who_asks_for_text_is_greeted(string accept)
    {
        var answer = await AnswerAsync(Found, accept);

        Assert.Equal(StatusCodes.Status200OK, answer.Status);
        Assert.StartsWith("text/plain", answer.ContentType, StringComparison.Ordinal);
        Assert.Equal("hello itsme", answer.Body);
    }

    [Fact]
    public async Task A_device_that_is_not_there_is_404_with_problem_details_whatever_the_caller_accepts()
    {
        var answer = await AnswerAsync(new LookupResult.NotFound(), "text/plain");

        Assert.Equal(StatusCodes.Status404NotFound, answer.Status);
        Assert.Equal("application/problem+json", answer.ContentType);
        Assert.Equal(404, (int)JsonNode.Parse(answer.Body)!["status"]!);
        Assert.Equal("There is no such device", (string)JsonNode.Parse(answer.Body)!["title"]!);
    }

    [Fact]
    public async Task An_id_that_can_be_no_device_is_400_with_problem_details()
    {
        var answer = await AnswerAsync(new LookupResult.InvalidId(), accept: null);

        Assert.Equal(StatusCodes.Status400BadRequest, answer.Status);
        Assert.Equal("application/problem+json", answer.ContentType);
    }

    [Theory]
    [InlineData(5_000, "5")]
    [InlineData(1_001, "2")]
    public async Task Unavailable_is_503_with_problem_details_and_Retry_After_in_whole_seconds(int milliseconds, string retryAfter)
    {
        var answer = await AnswerAsync(new LookupResult.Unavailable("Away", TimeSpan.FromMilliseconds(milliseconds)), accept: null);

        Assert.Equal(StatusCodes.Status503ServiceUnavailable, answer.Status);
        Assert.Equal("application/problem+json", answer.ContentType);
        Assert.Equal("Away", (string)JsonNode.Parse(answer.Body)!["title"]!);
        Assert.Equal(retryAfter, answer.RetryAfter);
    }

    [Fact]
    public async Task An_answer_is_stored_by_nobody_on_the_way()
    {
        Assert.Equal("no-store", (await AnswerAsync(Found, accept: null)).CacheControl);
    }

    private static async Task<Answer> AnswerAsync(LookupResult result, string? accept)
    {
        await using var services = new ServiceCollection().AddLogging().BuildServiceProvider();
        using var body = new MemoryStream();
        var context = new DefaultHttpContext { RequestServices = services };
        context.Request.Headers.Accept = accept;
        context.Response.Body = body;
        await new LookupAnswer(result).ExecuteAsync(context);
        return new Answer(
            context.Response.StatusCode,
            context.Response.ContentType,
            System.Text.Encoding.UTF8.GetString(body.ToArray()),
            context.Response.Headers.RetryAfter,
            context.Response.Headers.CacheControl);
    }

    private sealed record Answer(int Status, string? ContentType, string Body, string? RetryAfter, string? CacheControl);
}
