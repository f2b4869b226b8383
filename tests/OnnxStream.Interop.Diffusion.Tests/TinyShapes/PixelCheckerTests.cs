namespace OnnxStream.Interop.Diffusion.Tests.TinyShapes;

public class PixelCheckerTests
{
    [Test]
    public void Judge_AcceptsWhatIsDrawnAsItShouldBe()
    {
        Random random = new(5);
        for (int i = 0; i < 400; i++)
        {
            Scene scene = Scene.Next(random);
            Assert.That(PixelChecker.Judge(SceneDrawing.Draw(scene), scene).All, scene.Caption);
        }
    }

    [Test]
    public void Judge_RefusesWhatWasNotAskedFor()
    {
        SceneObject circle = new(ShapeKind.Circle, Colour.Palette[0], 32, 32, 20);
        Scene asked = new([circle], Colour.White, NamesBackground: false, Relation.None, SizeWord.Large);
        Assert.Multiple(() =>
        {
            Assert.That(JudgeInstead(asked with { Background = Colour.Black }), Is.EqualTo(Right() with { Background = false }));
            Assert.That(JudgeInstead(asked with { Objects = [circle with { Colour = Colour.Palette[1] }] }), Is.EqualTo(Right() with { Colours = false }));
            Assert.That(JudgeInstead(asked with { Objects = [circle with { Radius = 8 }] }), Is.EqualTo(Right() with { Size = false }));
            foreach (ShapeKind shape in Enum.GetValues<ShapeKind>())
            {
                Assert.That(JudgeInstead(asked with { Objects = [circle with { Shape = shape }] }).Shapes, Is.EqualTo(shape == ShapeKind.Circle), shape.ToString());
            }

            Assert.That(JudgeInstead(asked with { Objects = [] }).Count, Is.False);
            Assert.That(JudgeInstead(asked with { Objects = [circle with { X = 16, Radius = 10 }, circle with { X = 48, Radius = 10 }] }).Count, Is.False);
        });

        Verdict JudgeInstead(Scene drawn) => PixelChecker.Judge(SceneDrawing.Draw(drawn), asked);
        static Verdict Right() => new(true, true, true, true, true, true);
    }

    [Test]
    public void Judge_TellsAxisFromOrder()
    {
        SceneObject upper = new(ShapeKind.Circle, Colour.Palette[0], 32, 16, 11);
        SceneObject lower = new(ShapeKind.Square, Colour.Palette[5], 32, 48, 11);
        Scene above = new([upper, lower], Colour.White, NamesBackground: false, Relation.Above, SizeWord.None);
        RgbImage picture = SceneDrawing.Draw(above);
        Assert.Multiple(() =>
        {
            Assert.That(PixelChecker.Judge(picture, above).All);
            Assert.That(
                PixelChecker.Judge(picture, above with { Relation = Relation.Below }),
                Is.EqualTo(new Verdict(Background: true, Count: true, Axis: true, Colours: false, Shapes: false, Size: true)));
            Assert.That(PixelChecker.Judge(picture, above with { Relation = Relation.LeftOf }).Axis, Is.False);
        });
    }

    [Test]
    public void AllWithOneObject_HasTheGrammarsCaptions()
    {
        string[] captions = [.. Scene.AllWithOneObject().Select(scene => scene.Caption)];
        Assert.Multiple(() =>
        {
            Assert.That(captions, Is.Unique);
            Assert.That(captions, Has.Length.EqualTo(1800));
            Assert.That(captions, Does.Contain("an orange star"));
            Assert.That(captions, Does.Contain("a large pink diamond on an orange background"));
        });
    }
}
