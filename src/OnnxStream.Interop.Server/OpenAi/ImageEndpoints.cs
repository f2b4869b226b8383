using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OnnxStream.Interop.Server.Http;
using OnnxStream.Interop.Server.Jobs;
using OnnxStream.Interop.Server.Pictures;

namespace OnnxStream.Interop.Server.OpenAi;

/// <summary>OpenAI's API for pictures.</summary>
internal sealed class ImageEndpoints(JobRunner runner, JobLimits limits)
{
    /// <summary>Adds the endpoints.</summary>
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/images/generations", GenerateAsync).Described("Pictures from a text, by OpenAI's API.", request: OpenAiJson.Default.ImageRequest, response: OpenAiJson.Default.ImageAnswer);
        routes.MapPost("/v1/images/edits", context => ChangeAsync(context, needsPrompt: true)).Described("A picture, or the transparent parts of it, drawn anew; a form with files, by OpenAI's API.", response: OpenAiJson.Default.ImageAnswer);
        routes.MapPost("/v1/images/variations", context => ChangeAsync(context, needsPrompt: false)).Described("Pictures like another one; a form with a file, by OpenAI's API.", response: OpenAiJson.Default.ImageAnswer);
    }

    private async Task GenerateAsync(HttpContext context)
    {
        ImageRequest body = await JsonBody.ReadAsync(context, OpenAiJson.Default.ImageRequest);
        await AnswerAsync(context, body, image: null, mask: null, strength: null);
    }

    private async Task ChangeAsync(HttpContext context, bool needsPrompt)
    {
        FormBody form = await FormBody.ReadAsync(context, limits.MostImagePromptLength);
        ImageRequest body = new()
        {
            Model = form.Text("model"),
            Prompt = form.Text("prompt") ?? (needsPrompt ? null : ""),
            N = form.Number<int>("n"),
            Size = form.Text("size"),
            ResponseFormat = form.Text("response_format"),
            OutputFormat = form.Text("output_format"),
            NegativePrompt = form.Text("negative_prompt"),
            Steps = form.Number<int>("steps"),
            GuidanceScale = form.Number<float>("guidance_scale"),
            Sampler = form.Text("sampler"),
            Seed = form.Number<long>("seed"),
        };
        byte[] image = await form.ReadFileAsync("image") ?? throw RequestTexts.Wrong("image", "The file \"image\" is missing from the form.");
        byte[]? mask = await form.ReadFileAsync("mask");
        limits.CheckPicture("image", image);
        limits.CheckPicture("mask", mask);

        // In OpenAI's API the transparent parts are drawn anew, those of the picture itself where there is no mask.
        mask = mask is not null ? TransparentParts.ToMask(mask) ?? mask : needsPrompt ? TransparentParts.ToMask(image) : null;
        await AnswerAsync(context, body, image, mask, form.Number<float>("strength"));
    }

    private async Task AnswerAsync(HttpContext context, ImageRequest body, byte[]? image, byte[]? mask, float? strength)
    {
        if (body.ResponseFormat is not (null or "b64_json"))
        {
            throw RequestTexts.Wrong("response_format", "Pictures come in the answer itself: the response format should be b64_json.", "unsupported_parameter");
        }

        if (body.OutputFormat is not (null or "png"))
        {
            throw RequestTexts.Wrong("output_format", "Pictures are made as PNG files: the output format should be png.", "unsupported_parameter");
        }

        (int? width, int? height) = ReadSize(body.Size);
        JobResult result = await runner.RunAsync(context, new JobRequest
        {
            Kind = JobKind.Image,
            Model = body.Model,
            Image = new ImageParameters
            {
                Prompt = body.Prompt ?? throw RequestTexts.Wrong("prompt", "\"prompt\" is missing."),
                NegativePrompt = body.NegativePrompt,
                Count = body.N,
                Width = width,
                Height = height,
                Steps = body.Steps,
                GuidanceScale = body.GuidanceScale,
                Sampler = body.Sampler,
                Seed = body.Seed,
                Image = image,
                Mask = mask,
                Strength = strength,
            },
        });
        ImageAnswer answer = new(DateTimeOffset.UtcNow.ToUnixTimeSeconds(), [.. result.Parts.Select(part => new ImageData(part.Content) { Seed = part.Seed })])
        {
            OutputFormat = "png",
            Size = $"{result.Parts[0].Width}x{result.Parts[0].Height}",
        };
        await JsonBody.WriteAsync(context, answer, OpenAiJson.Default.ImageAnswer);
    }

    private static (int? Width, int? Height) ReadSize(string? size)
    {
        if (size is null or "auto")
        {
            return (null, null);
        }

        string[] numbers = size.Split('x');
        return numbers.Length == 2 && int.TryParse(numbers[0], NumberStyles.None, CultureInfo.InvariantCulture, out int width) && int.TryParse(numbers[1], NumberStyles.None, CultureInfo.InvariantCulture, out int height)
            ? (width, height)
            : throw RequestTexts.Wrong("size", "The size should be two numbers, as in 512x512, or auto.");
    }
}
