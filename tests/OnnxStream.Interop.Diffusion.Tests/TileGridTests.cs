namespace OnnxStream.Interop.Diffusion.Tests;

public class TileGridTests
{
    [Test]
    public void AutoTakesTheWholeIfThatFits()
    {
        Assert.That(Choose(new VaeTiling(), null).Count, Is.EqualTo(1));
        Assert.That(Choose(new VaeTiling(), (_, _) => true).Count, Is.EqualTo(1));
    }

    [Test]
    public void AutoTakesTheLargestTilesThatFit()
    {
        List<int> asked = [];
        TileGrid grid = Choose(new VaeTiling(), (height, width) =>
        {
            asked.Add(width);
            return height * width <= 64 * 64;
        });
        Assert.That(asked, Is.Ordered.Descending);
        Assert.That((grid.Rows.Tile, grid.Columns.Tile), Is.EqualTo((60, 60)), "three tiles with an overlap of a quarter are two and a half times as long as one");
        Assert.That(grid.Columns.Starts, Has.Count.EqualTo(3));
        Assert.That(grid.Rows.Starts, Has.Count.EqualTo(2));
    }

    [Test]
    public void AutoDoesNotTakeTilesThatAreTooSmallToBeOfUse()
    {
        TileGrid grid = Choose(new VaeTiling(), (_, _) => false);
        Assert.That((grid.Rows.Tile, grid.Columns.Tile), Is.EqualTo((VaeTiling.SmallestTileSize / 8, VaeTiling.SmallestTileSize / 8)));
    }

    [Test]
    public void OnTakesTheTilesThatAreAskedFor()
    {
        TileGrid grid = Choose(new VaeTiling { Mode = VaeTilingMode.On, TileSize = 400, Overlap = 80 }, (_, _) => true);
        Assert.That((grid.Rows.Tile, grid.Columns.Tile, grid.Columns.Starts.Count), Is.EqualTo((50, 50, 4)));
        Assert.That(Choose(new VaeTiling { Mode = VaeTilingMode.On }, null).Columns.Tile, Is.EqualTo(64));
    }

    [Test]
    public void OffIsWhole() => Assert.That(Choose(new VaeTiling { Mode = VaeTilingMode.Off }, (_, _) => false).Count, Is.EqualTo(1));

    [Test]
    public void AModelOfOneSizeHasTilesOfThatSize()
    {
        TileGrid grid = TileGrid.Choose(new VaeTiling(), 100, 150, 8, 64, 64, (_, _) => true);
        Assert.That((grid.Rows.Tile, grid.Columns.Tile, grid.Rows.Starts.Count, grid.Columns.Starts.Count), Is.EqualTo((64, 64, 2, 3)));
    }

    [TestCase(20, null, "multiple of 8")]
    [TestCase(8, null, "at least 16")]
    [TestCase(512, 4, "multiple of 8")]
    [TestCase(512, 264, "half a tile (256)")]
    [TestCase(null, -8, "overlap")]
    public void SizesThatMakeNoSenseAreRefused(int? size, int? overlap, string expected) => Assert.That(
        () => new VaeTiling { TileSize = size, Overlap = overlap }.Check(8), Throws.TypeOf<ArgumentOutOfRangeException>().With.Message.Contains(expected));

    private static TileGrid Choose(VaeTiling tiling, Func<int, int, bool>? fits) => TileGrid.Choose(tiling, 100, 150, 8, null, null, fits);
}
