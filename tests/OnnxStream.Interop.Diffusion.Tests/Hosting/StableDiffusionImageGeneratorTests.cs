using System.Drawing;
using System.Text.Json;
using Microsoft.Extensions.AI;
using OnnxStream.Interop.Diffusion.Hosting;
using OnnxStream.Interop.Diffusion.Schedulers;
using OnnxStream.Interop.Diffusion.Tests.TinyShapes;

namespace OnnxStream.Interop.Diffusion.Tests.Hosting;

public class StableDiffusionImageGeneratorTests
{
    private static readonly GenerationOptions TwoSteps = new() { Prompt = "", Steps = 2, Seed = 3 };

    [Test]
    public async Task GenerateAsync_GivesWhatThePipelineGives()
    {
        using IImageGenerator generator = TinyShapesModel.Pipeline().AsIImageGenerator(TwoSteps);
        Counter progress = new();
        ImageGenerationResponse response = await generator.GenerateImagesAsync("a red circle", new ImageGenerationOptions
        {
            Count = 2,
            ImageSize = new Size(64, 64),
            MediaType = "image/png",
            AdditionalProperties = new AdditionalPropertiesDictionary
            {
                ["negative_prompt"] = "blue",
                ["seed"] = 7L,
                ["steps"] = JsonDocument.Parse("3").RootElement,
                ["guidance_scale"] = "4.5",
                ["sampler"] = "DPM++ 2M Karras",
                ["progress"] = progress,
            },
        });
        IReadOnlyList<GeneratedImage> expected = TinyShapesModel.Pipeline().Generate(new GenerationOptions
        {
            Prompt = "a red circle",
            NegativePrompt = "blue",
            Seed = 7,
            Steps = 3,
            GuidanceScale = 4.5f,
            ImageCount = 2,
            Scheduler = new SchedulerOptions(SchedulerType.DpmPlusPlus2M, SigmaSchedule.Karras),
        }).Images;
        DataContent[] contents = [.. response.Contents.Cast<DataContent>()];
        Assert.Multiple(() =>
        {
            Assert.That(contents.Select(content => content.MediaType), Is.EqualTo(new[] { "image/png", "image/png" }));
            Assert.That(contents[1].Data.ToArray(), Is.EqualTo(PngFile.Encode(expected[1].Image, expected[1].Parameters.ToString())));
            Assert.That(contents[1].AdditionalProperties!["seed"], Is.EqualTo(8));
            Assert.That(response.Usage!.InputTokenCount, Is.EqualTo(4));
            Assert.That(response.Usage.AdditionalCounts!["model_runs"], Is.EqualTo(1 + 3 + 2));
            Assert.That(response.RawRepresentation, Is.InstanceOf<GenerationResult>());
            Assert.That(progress.Count, Is.GreaterThan(6));
        });
    }

    [Test]
    public async Task GenerateAsync_BeginsWithWhatTheFactoryMakes()
    {
        using IImageGenerator generator = TinyShapesModel.Pipeline().AsIImageGenerator();
        ImageGenerationResponse response = await generator.GenerateAsync(
            new ImageGenerationRequest("a red circle"), new ImageGenerationOptions { RawRepresentationFactory = _ => TwoSteps with { GuidanceScale = 1 } });
        GeneratedImage image = (GeneratedImage)response.Contents.Single().RawRepresentation!;
        Assert.That((image.Parameters.Steps, image.Parameters.GuidanceScale, image.Seed), Is.EqualTo((2, 1f, 3L)));
    }

    [Test]
    public void GenerateAsync_CanBeCancelled()
    {
        using IImageGenerator generator = TinyShapesModel.Pipeline().AsIImageGenerator(TwoSteps);
        Assert.That(async () => await generator.GenerateImagesAsync("a", null, new CancellationToken(canceled: true)), Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public void GenerateAsync_RefusesWhatItCannotDo()
    {
        using IImageGenerator generator = TinyShapesModel.Pipeline().AsIImageGenerator(TwoSteps);
        DataContent picture = new(PngFile.Encode(new RgbImage(8, 8)), "image/png");
        Assert.Multiple(() =>
        {
            Refuses<NotSupportedException>(new("a"), new() { MediaType = "image/webp" }, "image/webp");
            Refuses<NotSupportedException>(new("a"), new() { ResponseFormat = ImageGenerationResponseFormat.Uri }, "Uri");
            Refuses<NotSupportedException>(new("a", [picture, picture]), null, "2 were given");
            Refuses<NotSupportedException>(new("a", [new UriContent("http://localhost/a.png", "image/png")]), null, "nothing is fetched");
            Refuses<ArgumentException>(new("a", [new DataContent(new byte[] { 1, 2, 3 }, "image/png")]), null, "no picture");
            Refuses<ArgumentException>(new("a"), new() { AdditionalProperties = new AdditionalPropertiesDictionary { ["steps"] = "many" } }, "\"steps\"");
            Refuses<FormatException>(new("a"), new() { AdditionalProperties = new AdditionalPropertiesDictionary { ["sampler"] = "eular" } }, "Euler");

            // The demo model has no encoder.
            Refuses<ModelFormatException>(new("a", [picture]), null, "vae_encoder");
        });

        void Refuses<T>(ImageGenerationRequest request, ImageGenerationOptions? options, string expected)
            where T : Exception =>
            Assert.That(async () => await generator.GenerateAsync(request, options), Throws.InstanceOf<T>().With.Message.Contains(expected));
    }

    [Test]
    public void GetService_GivesWhatIsInside()
    {
        StableDiffusionPipeline pipeline = TinyShapesModel.Pipeline();
        using IImageGenerator generator = pipeline.AsIImageGenerator();
        Assert.Multiple(() =>
        {
            Assert.That(generator.GetService<ImageGeneratorMetadata>()!.DefaultModelId, Is.EqualTo("tiny-shapes"));
            Assert.That(generator.GetService<StableDiffusionPipeline>(), Is.SameAs(pipeline));
            Assert.That(generator.GetService<IImageGenerator>(), Is.SameAs(generator));
            Assert.That(generator.GetService<string>(), Is.Null);
        });
    }

    private sealed class Counter : IProgress<PipelineProgress>
    {
        public int Count { get; private set; }

        public void Report(PipelineProgress value) => Count++;
    }
}
