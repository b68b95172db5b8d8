using System.Globalization;
using System.Net.Mime;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Ingest.Lookup;

/// <summary>
/// A lookup's answer over HTTP: the document's public fields as JSON, or <c>hello NAME</c> where the caller would rather have text/plain;
/// everything else as problem details (RFC 9457).
/// </summary>
/// <param name="result">What the lookup found.</param>
public sealed class LookupAnswer(LookupResult result) : IResult
{
    public Task ExecuteAsync(HttpContext httpContext)
    {
        ArgumentNullException.ThrowIfNull(httpContext);
        var headers = httpContext.Response.Headers;
        headers.CacheControl = "no-store";
        headers.Vary = HeaderNames.Accept;
        if (result is LookupResult.Unavailable { RetryAfter: var wait })
        {
            headers.RetryAfter = Math.Ceiling(wait.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        }

        return ToResult(httpContext.Request).ExecuteAsync(httpContext);
    }

    private IResult ToResult(HttpRequest request) => result switch
    {
        LookupResult.Found found => PrefersText(request)
            ? Results.Text($"hello {found.Name}", MediaTypeNames.Text.Plain)
            : Results.Json(found.Fields),
        LookupResult.NotFound => Results.Problem(
            statusCode: StatusCodes.Status404NotFound,
            title: "There is no such device",
            detail: "No document has this id. Ids are case-sensitive."),
        LookupResult.InvalidId => Results.Problem(
            statusCode: StatusCodes.Status400BadRequest,
            title: "This is no device's id",
            detail: $"An id has 1 to {DeviceId.MaxLength} characters: letters, digits and - : . + _ * ! ( ) , = @ ; $ '"),
        LookupResult.Unavailable unavailable => Results.Problem(
            statusCode: StatusCodes.Status503ServiceUnavailable,
            title: unavailable.Title,
            detail: "Ask again after the time in Retry-After."),
        _ => throw new InvalidOperationException($"A lookup result without an answer: {result.GetType()}"),
    };

    // JSON unless the caller names text/plain and names it at least as high as JSON. A header that cannot be read counts as none.
    private static bool PrefersText(HttpRequest request)
    {
        if (!MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out var accepted))
        {
            return false;
        }

        var text = accepted.Where(type => type.MediaType.Equals(MediaTypeNames.Text.Plain, StringComparison.OrdinalIgnoreCase))
            .Select(Quality)
            .DefaultIfEmpty(0)
            .Max();
        var json = accepted.Where(type => type.MediaType.Equals(MediaTypeNames.Application.Json, StringComparison.OrdinalIgnoreCase))
            .Select(Quality)
            .DefaultIfEmpty(0)
            .Max();
        return text > 0 && text >= json;
    }

    private static double Quality(MediaTypeHeaderValue type) => type.Quality ?? 1;
}
