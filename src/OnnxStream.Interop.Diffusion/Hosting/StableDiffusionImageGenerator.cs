using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.AI;
using OnnxStream.Interop.Diffusion.Schedulers;

namespace OnnxStream.Interop.Diffusion.Hosting;

/// <summary>A pipeline as the <see cref="IImageGenerator"/> of Microsoft.Extensions.AI. Several calls may run at once.</summary>
internal sealed class StableDiffusionImageGenerator(StableDiffusionPipeline pipeline, GenerationOptions? defaults) : IImageGenerator
{
    private const string PngType = "image/png";

    private readonly ImageGeneratorMetadata _metadata = new("onnxstream", null, pipeline.Configuration.Name);

    /// <inheritdoc/>
    public async Task<ImageGenerationResponse> GenerateAsync(ImageGenerationRequest request, ImageGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (options?.MediaType is { } type && type != PngType)
        {
            throw new NotSupportedException($"Pictures are made as {PngType}; {type} was asked for.");
        }

        if (options?.ResponseFormat is { } format && format != ImageGenerationResponseFormat.Data)
        {
            throw new NotSupportedException($"Pictures are returned as data; {format} was asked for.");
        }

        GenerationOptions generation = Map(request, options);
        IProgress<PipelineProgress>? progress = options?.AdditionalProperties?.GetValueOrDefault("progress") as IProgress<PipelineProgress>;
        GenerationResult result = await Task.Run(() => pipeline.Generate(generation, progress, cancellationToken), cancellationToken).ConfigureAwait(false);
        long tokens = pipeline.CountTokens(generation.Prompt) + pipeline.CountTokens(generation.NegativePrompt);
        return new ImageGenerationResponse([.. result.Images.Select(Content)])
        {
            RawRepresentation = result,
            Usage = new UsageDetails
            {
                InputTokenCount = tokens,
                TotalTokenCount = tokens,
                AdditionalCounts = new AdditionalPropertiesDictionary<long>
                {
                    ["model_runs"] = result.Stages.Sum(stage => stage.RunCount),
                    ["weights_bytes_streamed"] = result.Stages.Sum(stage => stage.WeightsBytesStreamed),
                },
            },
        };
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null :
            serviceType == typeof(ImageGeneratorMetadata) ? _metadata :
            serviceType.IsInstanceOfType(pipeline) ? pipeline :
            serviceType.IsInstanceOfType(this) ? this : null;
    }

    /// <summary>Does nothing: between calls a pipeline holds nothing that must be let go.</summary>
    public void Dispose()
    {
    }

    private GenerationOptions Map(ImageGenerationRequest request, ImageGenerationOptions? options)
    {
        GenerationOptions generation = options?.RawRepresentationFactory?.Invoke(this) as GenerationOptions ?? defaults ?? new GenerationOptions { Prompt = "" };
        AdditionalPropertiesDictionary? more = options?.AdditionalProperties;
        generation = generation with
        {
            Prompt = request.Prompt ?? generation.Prompt,
            NegativePrompt = Text("negative_prompt") ?? generation.NegativePrompt,
            ImageCount = options?.Count ?? generation.ImageCount,
            Width = options?.ImageSize?.Width ?? generation.Width,
            Height = options?.ImageSize?.Height ?? generation.Height,
            Seed = Number<long>("seed") ?? generation.Seed,
            Steps = Number<int>("steps") ?? generation.Steps,
            GuidanceScale = Number<float>("guidance_scale") ?? generation.GuidanceScale,
            Strength = Number<float>("strength") ?? generation.Strength,
            Scheduler = Text("sampler") is { } sampler ? SchedulerOptions.Parse(sampler) : generation.Scheduler,
        };
        AIContent[] images = [.. request.OriginalImages ?? []];
        if (images.Length > 1)
        {
            throw new NotSupportedException($"A picture begins with one picture; {images.Length} were given.");
        }

        if (images is [var original])
        {
            RgbImage image = Decode(original, "The original image");
            int step = pipeline.Configuration.PixelsPerLatent;
            int width = generation.Width ?? pipeline.Configuration.LatentWidth * step ?? Math.Max(image.Width / step, 1) * step;
            int height = generation.Height ?? pipeline.Configuration.LatentHeight * step ?? Math.Max(image.Height / step, 1) * step;
            RgbImage? mask = more?.GetValueOrDefault("mask") is AIContent content ? Decode(content, "The mask") : null;
            generation = generation with
            {
                Image = image.Resize(width, height),
                Mask = mask?.Resize(width, height) ?? generation.Mask,
                Width = width,
                Height = height,
            };
        }

        return generation;

        string? Text(string name) => more?.GetValueOrDefault(name) switch
        {
            null => null,
            JsonElement { ValueKind: JsonValueKind.String } json => json.GetString(),
            JsonElement json => json.GetRawText(),
            IFormattable value => value.ToString(null, CultureInfo.InvariantCulture),
            object value => value.ToString(),
        };

        T? Number<T>(string name)
            where T : struct, ISpanParsable<T> =>
            Text(name) is not { } text ? null :
            T.TryParse(text, CultureInfo.InvariantCulture, out T number) ? number : throw new ArgumentException($"The property \"{name}\" should be a number, found \"{text}\".", nameof(options));
    }

    private static RgbImage Decode(AIContent content, string what) => content is DataContent data
        ? RgbImage.Decode(data.Data.Span)
        : throw new NotSupportedException($"{what} is {content.GetType().Name}; expected {nameof(DataContent)}: nothing is fetched from elsewhere.");

    private static DataContent Content(GeneratedImage image) => new(PngFile.Encode(image.Image, image.Parameters.ToString()), PngType)
    {
        Name = $"picture-{image.Seed}.png",
        RawRepresentation = image,
        AdditionalProperties = new AdditionalPropertiesDictionary { ["seed"] = image.Seed },
    };
}
