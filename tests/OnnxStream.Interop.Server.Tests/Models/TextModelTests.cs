using System.Net;
using System.Text.Json;

namespace OnnxStream.Interop.Server.Tests.Models;

public class TextModelTests
{
    [Test]
    public async Task CachesTakeWhatTheirTypeTakes()
    {
        (long single, string first) = await CompleteAsync(null);
        (long half, string second) = await CompleteAsync(ElementType.Float16);
        (long eighth, string third) = await CompleteAsync(ElementType.Int8);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(half, Is.LessThan(single));
            Assert.That(eighth, Is.LessThan(half));
            Assert.That((string[])[first, second, third], Has.None.Empty);
        }
    }

    // The bytes of the open model by its plan, and the text.
    private static async Task<(long Bytes, string Text)> CompleteAsync(ElementType? type)
    {
        await using RunningServer server = await RunningServer.StartAsync(options => options with { Models = options.Models with { CacheElementType = type } });
        (HttpStatusCode status, JsonElement answer) = await server.PostAsync("/v1/completions", """{"model":"tiny-llm","prompt":"The cat","max_tokens":8,"temperature":0}""");
        Assert.That(status, Is.EqualTo(HttpStatusCode.OK), answer.ToString());
        (_, JsonElement report) = await server.GetAsync("/status");
        long bytes = report.GetProperty("models").EnumerateArray().Single(model => model.GetProperty("name").GetString() == "tiny-llm").GetProperty("open_bytes").GetInt64();
        return (bytes, answer.GetProperty("choices")[0].GetProperty("text").GetString()!);
    }
}
