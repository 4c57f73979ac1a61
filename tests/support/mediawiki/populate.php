<?php
// Maintenance script: saves pages, with the older revisions of some, at times of their own; then a backlog of jobs.
// phpcs:ignoreFile

require_once getenv( 'MW_INSTALL_PATH' ) . '/maintenance/Maintenance.php';

class Populate extends Maintenance {
	public function __construct() {
		parent::__construct();
		$this->addDescription( 'Saves the pages listed in a JSON file' );
		$this->addArg( 'pages', 'JSON file: [{title, revisions: [[time, text]], deleted}]' );
		$this->addOption( 'backlog', 'Jobs to leave in the queue', false, true );
	}

	public function execute() {
		$services = \MediaWiki\MediaWikiServices::getInstance();
		$user = \User::newSystemUser( 'Cook', [ 'steal' => true ] );
		foreach ( json_decode( file_get_contents( $this->getArg( 0 ) ), true ) as $entry ) {
			$title = \Title::newFromText( $entry['title'] );
			$page = $services->getWikiPageFactory()->newFromTitle( $title );
			foreach ( $entry['revisions'] as [ $time, $text ] ) {
				\Wikimedia\Timestamp\ConvertibleTimestamp::setFakeTime( $time );
				$updater = $page->newPageUpdater( $user );
				$updater->setContent( 'main', \ContentHandler::makeContent( $text, $title ) );
				$updater->saveRevision( \CommentStoreComment::newUnsavedComment( 'Kitchen notes' ), EDIT_SUPPRESS_RC );
				if ( !$updater->wasSuccessful() ) {
					$this->fatalError( "{$entry['title']}: not saved" );
				}
				\DeferredUpdates::doUpdates();
			}
			if ( $entry['deleted'] ) {
				$services->getDeletePageFactory()->newDeletePage( $page, $user )
					->forceImmediate( true )->deleteUnsafe( 'Not a dish' );
				\DeferredUpdates::doUpdates();
			}
		}
		$jobs = [];
		for ( $number = 0; $number < (int)$this->getOption( 'backlog', 0 ); $number++ ) {
			$jobs[] = new \NullJob( [ 'lives' => 1, 'number' => $number ] );
		}
		$services->getJobQueueGroup()->push( $jobs );
	}
}

$maintClass = Populate::class;
require_once RUN_MAINTENANCE_IF_MAIN;
