using System.Globalization;
using System.Net;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.RateLimiting;

namespace OnnxStream.Interop.Server.Http;

/// <summary>How often a client may ask: one that is told by its key, or by its address where there are no keys.</summary>
internal static class RequestRates
{
    /// <summary>The limit, and what is answered beyond it.</summary>
    public static RateLimiterOptions Options(int requestsPerMinute) => new()
    {
        GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, string>(context => RateLimitPartition.GetTokenBucketLimiter(Client(context), _ => new TokenBucketRateLimiterOptions
        {
            TokenLimit = requestsPerMinute,
            TokensPerPeriod = Math.Max(1, requestsPerMinute / 60),
            ReplenishmentPeriod = TimeSpan.FromMinutes(1) / Math.Min(60, requestsPerMinute),
            QueueLimit = 0,
        })),
        RejectionStatusCode = StatusCodes.Status429TooManyRequests,
        OnRejected = (context, _) => throw new ApiException(StatusCodes.Status429TooManyRequests, "rate_limit_exceeded", string.Create(CultureInfo.InvariantCulture, $"These are more than {requestsPerMinute} requests in a minute. Try again later."))
        {
            RetryAfter = context.Lease.TryGetMetadata(MetadataName.RetryAfter, out TimeSpan delay) && delay > TimeSpan.Zero ? delay : TimeSpan.FromSeconds(1),
        },
    };

    private static string Client(HttpContext context) =>
        context.Owner() == Owners.Local ? (context.Connection.RemoteIpAddress ?? IPAddress.None).ToString() : context.Owner();
}
